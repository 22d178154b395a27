"""The SOAP benchmark: both optimizers take the same steps."""

from typing import Any
from unittest import mock

import pytest
import torch

from benchmarks import soap_step
from model.gpt2_config import GPT2Config


@pytest.fixture(autouse=True)
def micro_shape(monkeypatch: pytest.MonkeyPatch) -> None:
    config = GPT2Config(vocab_size=50, n_positions=20, n_embd=12, n_layer=1, n_head=2, eos_token_id=49)
    monkeypatch.setattr(soap_step, "SHAPE", config)


def test_it_prints_both_kinds_of_step_and_their_mean(capsys: Any) -> None:
    soap_step.main()
    rows = capsys.readouterr().out.splitlines()
    assert [row[:22].strip() for row in rows[2:]] == ["between refreshes", "with a refresh", "mean over ten"]
    assert all(float(row[22:].split()[2]) > 0 for row in rows[2:])


def test_lines_of_the_table() -> None:
    [one] = soap_step.measure()
    assert (one.row, one.target, one.at_least, one.pairs) == (6, 0.58, False, 5)
    assert one.note.endswith("a further pair times the refresh")


def test_one_step_in_ten_refreshes() -> None:
    assert soap_step.over_ten([(1, 2), (2, 4)], [(11, 12), (21, 22), (5, 5)]) == [(2, 3), (2.9, 4.8)]


def test_steps_with_a_refresh_decompose() -> None:
    """Both sides refresh in the steps that `timed` takes for refreshes."""
    sides, frequency = soap_step.sides(), soap_step.MEASURED_FREQUENCY
    with mock.patch.object(torch.linalg, "eigh", soap_step.no_decomposition):
        for step in range(frequency + 1):
            for side in sides:
                with mock.patch.object(torch.linalg, "qr", wraps=torch.linalg.qr) as qr:
                    side.step()
                assert qr.called == (step == frequency)


def test_both_sides_do_the_same_work() -> None:
    # Between refreshes: at one, single precision decides the basis of what the gradients have not reached yet.
    one, other = soap_step.sides(lr=1e-2, precondition_frequency=10)
    with mock.patch.object(torch.linalg, "eigh", soap_step.no_decomposition):
        for _ in range(4):
            one.step()
            other.step()
    for param, peer, start in zip(one.params, other.params, soap_step.parameters(), strict=True):
        torch.testing.assert_close(param, peer, atol=1e-4, rtol=0)
        assert not torch.equal(param, start)

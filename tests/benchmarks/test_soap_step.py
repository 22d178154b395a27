"""The SOAP benchmark: both optimizers take the same steps."""

from typing import Any
from unittest import mock

import pytest
import torch

from benchmarks import soap_step
from benchmarks.plain_soap import PlainSOAP
from model.gpt2_config import GPT2Config
from model.optim.soap import SOAP
from model.rng import generator


@pytest.fixture(autouse=True)
def micro_shape(monkeypatch: pytest.MonkeyPatch) -> None:
    config = GPT2Config(vocab_size=50, n_positions=20, n_embd=12, n_layer=1, n_head=2, eos_token_id=49)
    monkeypatch.setattr(soap_step, "SHAPE", config)


def test_it_prints_both_kinds_of_step_and_their_mean(capsys: Any) -> None:
    soap_step.main()
    rows = capsys.readouterr().out.splitlines()
    assert [row[:22].strip() for row in rows[2:]] == ["between refreshes", "with a refresh", "mean over ten"]
    assert all(float(row.split()[-1]) > 0 for row in rows[2:])
    between, refreshes = soap_step.measure()
    assert len(between) == len(refreshes) == 5


def test_both_sides_do_the_same_work() -> None:
    mine, peers = soap_step.parameters(), soap_step.parameters()
    # Between refreshes: at one, single precision decides the basis of what the gradients have not reached yet.
    one, other, noise = SOAP(mine, lr=1e-2), PlainSOAP(peers, lr=1e-2), generator(0, "noise")
    with mock.patch.object(torch.linalg, "eigh", soap_step.no_decomposition):
        for _ in range(4):
            soap_step.give_gradients(mine, peers, noise)
            one.step()
            other.step()
    for param, peer, start in zip(mine, peers, soap_step.parameters(), strict=True):
        torch.testing.assert_close(param, peer, atol=1e-4, rtol=0)
        assert not torch.equal(param, start)

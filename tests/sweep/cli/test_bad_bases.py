"""Bases that cannot be used are found before anything is written, in a dry run, too."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from click.testing import Result
from safetensors.torch import load_file, save_file

from tests.model.folders import byte_level_bpe, write_base

Sweep = Callable[..., Result]


def edit_config(base: Path, **changes: Any) -> None:
    path = base / "config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))


def make_not_finite(base: Path) -> None:
    weights = load_file(base / "model.safetensors")
    weights["transformer.ln_f.weight"][0] = torch.inf
    save_file(weights, base / "model.safetensors")


def write_more_tokens(base: Path) -> None:
    byte_level_bpe(320).save(str(base / "tokenizer.json"))


DAMAGE: dict[str, tuple[Callable[[Path], Any], str]] = {
    "positions": (lambda base: edit_config(base, n_positions=1024), "has tensor wpe.weight as (256, 24), but"),
    "layers": (lambda base: edit_config(base, n_layer=10**9), "has no tensor h.2.ln_1.weight"),
    "header": (lambda base: (base / "model.safetensors").write_bytes(b"x" * 100), "model.safetensors is damaged"),
    "numbers": (make_not_finite, "tensor ln_f.weight holds a number that is not finite"),
    "tokenizer": (write_more_tokens, "its tokenizer has 320 tokens, its model 300"),
}


@pytest.mark.parametrize("case", DAMAGE)
@pytest.mark.parametrize("dry_run", [True, False])
def test_a_bad_base_is_refused_in_one_line(
    sweep: Sweep, micro: Path, tmp_path: Path, out: Path, case: str, dry_run: bool
) -> None:
    damage, message = DAMAGE[case]
    base = write_base(tmp_path / "base")
    damage(base)
    result = sweep("run", micro, "--base", base, *(["--dry-run"] if dry_run else ["--executor", "inline"]))
    assert result.exit_code == 2
    assert message in result.stderr
    assert result.stderr.count("\n") == 1
    assert not out.exists()

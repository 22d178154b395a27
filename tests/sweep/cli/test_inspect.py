"""`sweep show`, `samples` and `diff`, and their twins in Python."""

import json
from collections.abc import Callable

import pytest
from click.testing import Result

import sweep as package
from tests.sweep.reporting.inspect.points import BEST, OTHER, REFERENCE

Sweep = Callable[..., Result]
OUT = ("--out", REFERENCE)


def test_show(sweep: Sweep) -> None:
    assert sweep("show", "lora_rank", *OUT).stdout.startswith(f"point {BEST} of lora_rank: COMPLETED, rank 1 of 144")
    found = json.loads(sweep("show", "lora_rank", OTHER[:4], "--format", "json", *OUT).stdout)
    twin = package.open_run("lora_rank", REFERENCE).show(OTHER[:4])
    assert found["scores"] == json.loads(json.dumps(twin["scores"]))
    assert found["point_id"] == OTHER
    assert len(found["curve"]) == 10


def test_samples(sweep: Sweep) -> None:
    assert sweep("samples", "lora_rank", "--top", 1, *OUT).stdout.count("\nexample ") == 2
    assert "example 3, draw 0: " in sweep("samples", "lora_rank", OTHER, "--prompt", 3, *OUT).stdout
    assert "{+" in sweep("samples", "lora_rank", BEST, "--against", OTHER, *OUT).stdout
    frame = package.open_run("lora_rank", REFERENCE).samples(OTHER[:5])
    assert (set(frame["point_id"]), len(frame)) == ({OTHER}, 120)


def test_diff(sweep: Sweep) -> None:
    assert "settings that differ\n" in sweep("diff", "lora_rank", BEST, OTHER, *OUT).stdout
    found = json.loads(sweep("diff", "lora_rank", BEST, OTHER, "--format", "json", *OUT).stdout)
    twin = package.open_run("lora_rank", REFERENCE).diff(BEST, OTHER)
    assert found["scores"] == json.loads(json.dumps(twin["scores"]))
    assert found["points"] == [BEST, OTHER]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("show", "lora_rank", "zzz"), "has no point 'zzz'"),
        (("samples", "lora_rank", BEST, "--prompt", 99), "--prompt 99: the examples have the numbers 0 to 14"),
        (("diff", "lora_rank", BEST, BEST[:6]), f"are the same point, {BEST}; name two points"),
        (("show", "no_such_run"), "no_such_run"),
    ],
)
def test_errors_are_one_line(sweep: Sweep, arguments: tuple[object, ...], message: str) -> None:
    done = sweep(*arguments, *OUT)
    assert done.exit_code == 2
    assert message in done.stderr
    assert len(done.stderr.splitlines()) == 1

"""Awkward data through the command line under Ray: the numbers are those of the same data written plainly."""

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from tests.sweep.conftest import essence

SPACE = '''"""Each variant twice: awkward and plain."""

from sweep import Space

space = Space(fixed={{"epochs": 1, "batch_size": 4, "lr": 0.01, "lora.rank": 1}}, variants={variants!r})
'''
LINES = ("the rose is red", "the thorn is keen", "the leaf is gone", "and winter comes", "and all is still")
GREEDY = {"decode.top_k": 1, "decode.max_new_tokens": 100}
Table = Sequence[tuple[tuple[str, ...], int]]


def write_table(stem: Path, columns: tuple[str, ...], rows: Table, form: str) -> str:
    """Write both splits as tab-separated text, or as JSON lines, which have no question of quotes. Return the name."""
    for split in ("train", "dev"):
        if form == "tsv":
            lines = ["\t".join(columns), *("\t".join((*texts, str(label))) for texts, label in rows)]
        else:
            lines = [json.dumps(dict(zip(columns, (*texts, label), strict=True))) for texts, label in rows]
        stem.with_name(f"{stem.name}-{split}.{form}").write_bytes(("\n".join(lines) + "\n").encode())
    return str(stem)


def write_poems(path: Path, poems: Sequence[Sequence[str]], number: str = "{}", end: str = "\n") -> str:
    text = end.join(line for n, poem in enumerate(poems, 1) for line in (number.format(n), "", *poem, ""))
    path.write_bytes(f"POEMS{end}{end}{text}".encode())
    return str(path)


@pytest.fixture
def variants(tmp_path: Path) -> list[dict[str, object]]:
    """Pairs of awkward and plain data: quotes, blanks, short and oddly numbered poems, a long prompt."""
    marks = [((f'"so {n}' if n in (3, 31) else f"fine {n}",), n % 2) for n in range(40)]
    long = [(("good " * 200 + "bad " * 200,), 0), *marks[1:]]
    blanks = [((f"is  it {n}\u00a0 ", f" is it {n % 3}?"), n % 2) for n in range(8)]
    plain = [((f"is it {n}", f"is it {n % 3}?"), n % 2) for n in range(8)]
    poems = [[f"{line} {n}" for line in LINES] for n in range(30)]
    roomy = [poem if n != 24 else [poem[0] + " rose" * 200, *poem[1:]] for n, poem in enumerate(poems)]
    review, pair = ("sentence", "sentiment"), ("sentence1", "sentence2", "is_duplicate")
    return [
        *({"task": "sentiment", "data": write_table(tmp_path / f, review, marks, f)} for f in ("tsv", "jsonl")),
        {"task": "sentiment", "data": write_table(tmp_path / "long", review, long, "tsv"), "truncate": "head"},
        {"task": "sentiment", "data": write_table(tmp_path / "long", review, long, "tsv"), "truncate": "tail"},
        *(
            {"task": "paraphrase", "data": write_table(tmp_path / name, pair, rows, "tsv")}
            for name, rows in (("blanks", blanks), ("plain", plain))
        ),
        {"data": write_poems(tmp_path / "odd.txt", [*poems[:9], LINES[:3]], "{})", "\r"), **GREEDY},
        {"data": write_poems(tmp_path / "even.txt", poems[:9]), **GREEDY},
        {"data": write_poems(tmp_path / "roomy.txt", roomy), **GREEDY},
        {"data": write_poems(tmp_path / "short.txt", poems), **GREEDY},
    ]


@pytest.mark.slow
def test_awkward_data_gives_the_numbers_of_plain_data(
    tmp_path: Path, out: Path, variants: list[dict[str, object]]
) -> None:
    (space := tmp_path / "awkward.py").write_text(SPACE.format(variants=variants))
    for executor in ("ray", "inline"):
        command = [sys.executable, "-m", "sweep.cli", "run", str(space), "--executor", executor, "--no-cache"]
        done = subprocess.run([*command, "--out", str(out / executor)], capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        assert "odd.txt: 1 poems of at most 3 lines are left out" in done.stderr
    assert essence(out / "ray" / "awkward") == essence(out / "inline" / "awkward")
    run = out / "ray" / "awkward"
    assert {tuple(one["splits"]["dev"]) for one in json.loads((run / "run.json").read_text())["long_texts"]} == {
        (1, 40)
    }
    found = {(Path(row["data"]).stem, row["truncate"]): row for row in read(run, "leaderboard")}
    samples = {key: [one for one in read(run, "samples") if one["point_id"] == found[key]["point_id"]] for key in found}
    for awkward, plain in (("tsv", "jsonl"), ("blanks", "plain"), ("odd", "even")):
        assert numbers(found[awkward, None]) == numbers(found[plain, None])
    assert [one["label"] for one in samples["tsv", None]] == [n % 2 for n in range(40)]
    assert numbers(found["long", "head"]) != numbers(found["long", None])
    roomy, short = ([one["generated"] for one in samples[name, None]] for name in ("roomy", "short"))
    assert len(roomy) == 3
    assert roomy[1:] == short[1:]  # the first prompt is long and leaves the other rows their room


def read(run: Path, table: str) -> list[dict[str, Any]]:
    return list(pq.read_table(run / f"{table}.parquet").to_pylist())


def numbers(row: dict[str, Any]) -> list[float | None]:
    return [row[name] for name in ("train_loss", "dev_loss", "accuracy", "macro_f1", "chrf", "chrf_new")]

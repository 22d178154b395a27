"""Data sets of a hub: their Parquet files, commit and cache, through the real client and a server on this machine."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pandas as pd

from tests.model.hub import COMMITS, Hub, serve

READER = """
import json, sys
from model.data_settings import DataSettings
from model.tasks import find_data
from model.errors import DataError
answers = []
for data, revision in json.loads(sys.argv[1]):
    try:
        found = find_data("classification", data, DataSettings(revision=revision))
        answers.append([{split: len(rows.texts) for split, rows in found.dataset.splits.items()}, found.revision])
    except DataError as error:
        answers.append(str(error))
print(json.dumps(answers))
"""


def ask(endpoint: str, home: Path, *wanted: tuple[str, str | None], offline: bool = False) -> list[object]:
    """The sizes of the splits and the commit, or the error, of each (data, revision)."""
    environment = {**os.environ, "HF_ENDPOINT": endpoint, "HF_HOME": str(home), "HF_HUB_OFFLINE": str(int(offline))}
    environment["HF_HUB_DISABLE_PROGRESS_BARS"] = "1"
    for proxy in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"):
        environment.pop(proxy, None)
    command = [sys.executable, "-W", "ignore", "-c", READER, json.dumps(wanted)]
    done = subprocess.run(command, capture_output=True, text=True, env=environment)
    assert done.returncode == 0, done.stderr
    answers: list[object] = json.loads(done.stdout.splitlines()[-1])
    return answers


def write_split(path: Path, count: int, first: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    rows = [{"text": f"text {n}", "label": n % 2} for n in range(first, first + count)]
    pd.DataFrame(rows).to_parquet(path)


def write_repository(folder: Path) -> Path:
    for place, (name, count) in enumerate(
        (("train-00000-of-00002", 6), ("train-00001-of-00002", 4), ("test-00000-of-00001", 3))
    ):
        write_split(folder / "data" / f"{name}.parquet", count, 100 * place)
    (folder / "README.md").write_text("about it")
    (folder / "script.py").write_text("raise SystemExit('never run')")
    return folder


def test_parquet_files_of_a_hub_are_read_and_cached(tmp_path: Path) -> None:
    hub = Hub({}, datasets={"someone/films": write_repository(tmp_path / "films")})
    expected = [{"train": 9, "dev": 1, "test": 3}, COMMITS["main"]]
    with serve(hub) as endpoint:
        assert ask(endpoint, tmp_path / "home", ("someone/films", None)) == [expected]
        assert not [path for path in hub.requests if path.endswith(".py")], "its code is not even downloaded"
        count = len(hub.requests)
        assert ask(endpoint, tmp_path / "home", ("someone/films", None), offline=True) == [expected]
        assert ask(endpoint, tmp_path / "home", ("someone/films", COMMITS["main"]), offline=True) == [expected]
        assert len(hub.requests) == count, "offline, nothing is asked"
        (pinned,) = ask(endpoint, tmp_path / "home", ("someone/films", "v1"))
        assert pinned == [expected[0], COMMITS["v1"]]


def test_configurations_of_a_hub_are_chosen_by_name(tmp_path: Path) -> None:
    for config, count in (("short", 12), ("long", 20)):
        write_split(tmp_path / "films" / config / "train-00000-of-00001.parquet", count, 0)
    with serve(Hub({}, datasets={"someone/films": tmp_path / "films"})) as endpoint:
        named, unnamed, unknown = ask(
            endpoint,
            tmp_path / "home",
            ("someone/films:short", None),
            ("someone/films", None),
            ("someone/films:mid", None),
        )
    assert named == [{"train": 10, "dev": 1, "test": 1}, COMMITS["main"]]
    for error in (unnamed, unknown):
        assert "needs one of its configurations: long, short; write someone/films:NAME" in str(error)


def test_hub_errors_say_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "code").mkdir()
    (tmp_path / "code" / "load.py").write_text("raise SystemExit")
    with serve(Hub({}, datasets={"someone/code": tmp_path / "code"})) as endpoint:
        absent, code, revision = ask(
            endpoint, tmp_path / "home", ("someone/nothing", None), ("someone/code", None), ("someone/code", "v9")
        )
        (offline,) = ask(endpoint, tmp_path / "home", ("someone/films", None), offline=True)
    assert "the hub has no repository someone/nothing" in str(absent)
    assert "has no Parquet files on the hub, and code of data sets is never run; download its files" in str(code)
    assert "no revision 'v9'" in str(revision)
    assert "cannot reach the hub for someone/films" in str(offline)
    assert "give the path of a copy as data" in str(offline)


def test_splits_of_a_hub_are_found_by_the_innermost_name(tmp_path: Path) -> None:
    """As in cais/mmlu, which has splits dev and validation, and in configurations whose own name is a split's."""
    folder = tmp_path / "exams"
    for place, split in enumerate(("auxiliary_train", "dev", "test", "validation")):
        write_split(folder / "all" / f"{split}-00000-of-00001.parquet", 6 + place, 10 * place)
    for place, split in enumerate(("train", "validation")):
        write_split(folder / "test_v1" / f"{split}-00000-of-00001.parquet", 6 + place, 10 * place)
        write_split(folder / "eval-set" / split / "0000.parquet", 6 + place, 10 * place)
    for name in ("train-a.parquet", "train-b.parquet"):
        write_split(folder / "two" / name, 6, 0)
    with serve(Hub({}, datasets={"someone/exams": folder})) as endpoint:
        names = ("all", "test_v1", "eval-set", "two")
        exams, test, evaluation, two = ask(
            endpoint, tmp_path / "home", *((f"someone/exams:{name}", None) for name in names)
        )
    assert exams == [{"train": 6, "dev": 9, "test": 8}, COMMITS["main"]]
    assert test == evaluation == [{"train": 6, "dev": 7, "test": 0}, COMMITS["main"]]
    assert "has two train files" in str(two)
    assert str(two).endswith("; download the files of one set and give their folder as data")

"""Finding the files of a data set by name, folder or prefix, and the errors."""

import importlib
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from model.errors import DataError
from model.task_specs import TASKS
from model.tasks.data.sources import ASSETS, files_sha256, find_files
from tests.model.hub import Hub, serve

KNOWN = {"shipped": ASSETS / "paraphrase"}


def fill(folder: Path, *names: str) -> Path:
    folder.mkdir(exist_ok=True)
    for name in names:
        (folder / name).write_text(name)
    return folder


def names_of(data: str | Path) -> dict[str, str]:
    return {split: path.name for split, path in find_files(str(data), KNOWN).items()}


def test_a_known_set_is_found_by_name() -> None:
    files = find_files("shipped", KNOWN)
    assert list(files) == ["train", "dev", "test"]
    assert all(path.is_file() for path in files.values())


def test_a_folder_with_one_set(tmp_path: Path) -> None:
    fill(tmp_path, "train.tsv", "validation.jsonl", "README.md", "notes.tsv", "latest.parquet.txt")
    assert names_of(tmp_path) == {"train": "train.tsv", "dev": "validation.jsonl"}


def test_the_courses_folder_by_prefix(tmp_path: Path) -> None:
    sets = ("quora", "ids-sst", "ids-cfimdb")
    fill(tmp_path, *(f"{name}-{split}.csv" for name in sets for split in ("train", "dev", "test-student")))
    for name in sets:
        assert names_of(tmp_path / name) == {
            "train": f"{name}-train.csv",
            "dev": f"{name}-dev.csv",
            "test": f"{name}-test-student.csv",
        }
    with pytest.raises(DataError, match=r"two dev files, ids-cfimdb-dev\.csv and ids-sst-dev\.csv") as caught:
        names_of(tmp_path)
    assert str(caught.value).endswith(f"such as {tmp_path / 'ids-sst'}")


def test_a_split_is_a_word_of_its_own(tmp_path: Path) -> None:
    fill(tmp_path, "latest-train.csv", "latest-dev.csv", "latest-training-log.csv")
    assert names_of(tmp_path / "latest") == {"train": "latest-train.csv", "dev": "latest-dev.csv"}


@pytest.mark.parametrize(
    ("data", "files", "message"),
    [
        ("nowhere/quora", (), "a common prefix of their paths, or a known data set (shipped)"),
        ("quoar", ("quora-train.csv",), "or a known data set"),
        ("", ("README.md",), "is not a folder of .csv, .tsv, .jsonl, .parquet files"),
        ("quora", ("quora-dev.csv",), "has no train file; add one whose name contains the word train"),
        ("quora", ("quora-train.csv", "quora-test.csv"), "quora-dev.tsv"),
        ("", ("train.tsv",), "/dev.tsv"),
    ],
)
def test_missing_files_error_names_the_fix(tmp_path: Path, data: str, files: tuple[str, ...], message: str) -> None:
    fill(tmp_path, *files)
    with pytest.raises(DataError) as caught:
        find_files(str(tmp_path / data), KNOWN)
    assert message in str(caught.value)
    assert str(tmp_path / data).rstrip("/") in str(caught.value)


def test_the_hash_follows_every_file_and_its_split(tmp_path: Path) -> None:
    files = find_files(str(fill(tmp_path, "train.tsv", "dev.tsv", "test.tsv")), KNOWN)
    first = files_sha256(files)
    assert files_sha256(dict(reversed(files.items()))) == first
    assert files_sha256({**files, "train": files["dev"], "dev": files["train"]}) != first
    files["test"].write_text("another")
    assert files_sha256(files) != first
    files["test"].unlink()
    with pytest.raises(DataError, match="cannot read"):
        files_sha256(files)


# --- the hub, through its real client in a process of its own: its address is read when it is imported

READER = """
import json, sys
from model.tasks import find_data
from model.errors import DataError
answers = []
for task, data in json.loads(sys.argv[1]):
    try:
        answers.append([find_data(task, data).size("train"), find_data(task, data).sha256()])
    except DataError as error:
        answers.append(str(error))
print(json.dumps(answers))
"""


def ask(endpoint: str, home: Path, *wanted: tuple[str, str], offline: bool = False) -> list[object]:
    """Training examples and hash, or the error, of each (task, data) against the hub at `endpoint`."""
    environment = {**os.environ, "HF_ENDPOINT": endpoint, "HF_HOME": str(home), "HF_HUB_OFFLINE": str(int(offline))}
    environment["HF_HUB_DISABLE_PROGRESS_BARS"] = "1"
    for proxy in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"):
        environment.pop(proxy, None)
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", READER, json.dumps(wanted)],
        capture_output=True,
        text=True,
        env=environment,
    )
    assert done.returncode == 0, done.stderr
    answers: list[object] = json.loads(done.stdout.splitlines()[-1])
    return answers


def write_glue(folder: Path) -> Path:
    """GLUE's QQP in small: the test split has the label -1."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    (folder / "qqp").mkdir(parents=True)
    for split, labels in {"train": [0, 1, 1], "validation": [1, 0], "test": [-1, -1]}.items():
        rows = [
            {"question1": f"What is {n}?", "question2": f"Why is {n}?", "label": label, "idx": n}
            for n, label in enumerate(labels)
        ]
        pq.write_table(pa.Table.from_pylist(rows), folder / "qqp" / f"{split}-00000-of-00001.parquet")
    return folder


def write_sst5(folder: Path) -> Path:
    folder.mkdir(parents=True)
    for split in ("train", "dev", "test"):
        rows = [{"text": f"a {split} film", "label": label, "label_text": "word"} for label in range(5)]
        (folder / f"{split}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return folder


def test_hub_data_sets_are_cached(tmp_path: Path) -> None:
    """One set is all there, the other lacks a file: it stays an error, offline another one."""
    sst5 = write_sst5(tmp_path / "sst5")
    (sst5 / "test.jsonl").unlink()
    hub = Hub({}, datasets={"nyu-mll/glue": write_glue(tmp_path / "glue"), "SetFit/sst5": sst5})
    wanted = (("paraphrase", "qqp"), ("sentiment", "sst5"))
    with serve(hub) as endpoint:
        found, missing = ask(endpoint, tmp_path / "home", *wanted)
    cached, unreachable = ask("http://127.0.0.1:9", tmp_path / "home", *wanted, offline=True)
    assert cached == found
    assert isinstance(found, list)
    assert found[0] == 3
    assert str(missing).startswith("data 'sst5': the hub's SetFit/sst5 has no test.jsonl; it is not what it was")
    assert str(unreachable).startswith("data 'sst5': cannot reach the hub for SetFit/sst5/test.jsonl")
    assert str(unreachable).endswith("or give the folder of a copy as data")
    assert "\n" not in f"{missing}{unreachable}"
    assert any("datasets/nyu-mll/glue/resolve/main/qqp/validation-00000-of-00001" in path for path in hub.requests)


@pytest.mark.parametrize("name", [name for name, task in TASKS.items() if task.sets])
def test_the_registry_names_the_sets_that_a_task_knows(name: str) -> None:
    module = importlib.import_module(f"model.tasks.data.{name}")
    assert tuple(module.KNOWN) == TASKS[name].sets
    assert TASKS[name].sets[0] == module.DEFAULT

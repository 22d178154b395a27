"""The task text: packing, and perplexity and bits per byte compared with transformers."""

import copy
import math
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import GPT2LMHeadModel

from model.config import DecodeConfig, TrainConfig
from model.errors import DataError, SettingError
from model.gpt2 import GPT2
from model.pretrained.tokenizer import Tokenizer
from model.tasks import find_data, load_task
from model.tasks.data import sonnets
from model.tasks.data.text import find
from model.tasks.text import Task
from model.training import Training
from tests.model.folders import WORDS
from tests.model.tasks.data.new_users import write_poems

SHORT = DecodeConfig(max_new_tokens=3)


@pytest.fixture
def documents(tmp_path: Path) -> str:
    """Documents of very different lengths, the longest with more tokens than the base has positions."""
    lengths = [3 + n % 2 * 170 + n % 7 for n in range(40)]
    texts = [" ".join(WORDS[(n + k) % len(WORDS)] for k in range(lengths[n])) + f" naïve {n}" for n in range(40)]
    path = tmp_path / "texts.txt"
    path.write_text("\n\n".join(texts))
    return str(path)


@pytest.fixture
def task(documents: str, small_tokenizer: Tokenizer) -> Task:
    return Task(documents, small_tokenizer, max_tokens=256)


def test_training_documents_fill_all_positions(task: Task) -> None:
    """Every token but the first is a target exactly once, in order."""
    stream = [task.tokenizer.eos_id]
    for text in task.texts["train"]:
        stream += [*task.tokenizer.encode(text), task.tokenizer.eos_id]
    batches = list(task.batches("train", range(task.size("train")), batch_size=3))
    inputs = [ids for batch in batches for ids in batch.input_ids.tolist()]
    targets = [token for batch in batches for row in batch.targets.tolist() for token in row if token >= 0]
    assert targets == stream[1:]
    assert {len(ids) for ids in inputs[:-3]} == {256}
    assert inputs[0] == stream[:256]
    assert inputs[1] == stream[256:512]


def reference(folder: Path, tokenizer: Tokenizer, texts: list[str], positions: int) -> tuple[float, float]:
    """Perplexity per token and bits per byte of the same windows by transformers, in single precision."""
    model = GPT2LMHeadModel.from_pretrained(folder).eval()
    total, tokens = 0.0, 0
    for text in texts:
        ids = [tokenizer.eos_id, *tokenizer.encode(text)]
        for start in range(0, len(ids) - 1, positions):
            window = torch.tensor([ids[start : start + positions + 1]])
            with torch.no_grad():
                logits = model(window[:, :-1]).logits[0]
            total += torch.nn.functional.cross_entropy(logits, window[0, 1:], reduction="sum").item()
            tokens += window.shape[1] - 1
    return math.exp(total / tokens), total / math.log(2) / sum(len(text.encode()) for text in texts)


@pytest.mark.parametrize("batch_size", [1, 3, 16])
@pytest.mark.parametrize("split", ["dev", "test"])
def test_scores_equal_those_of_transformers_whatever_the_packing(
    documents: str, base_folder: Path, batch_size: int, split: str
) -> None:
    training = Training(TrainConfig(task="text", data=documents, base=str(base_folder), batch_size=batch_size))
    task = training.task
    assert isinstance(task, Task)
    assert any(len(task.tokenizer.encode(text)) > 256 for text in task.texts[split])
    metrics = training.evaluate(SHORT, split).metrics
    perplexity, bits = reference(base_folder, task.tokenizer, task.texts[split], 256)
    assert metrics["perplexity"] == pytest.approx(perplexity, rel=1e-4)
    assert metrics["bits_per_byte"] == pytest.approx(bits, rel=1e-4)
    if split == "dev":
        assert math.exp(training.dev_loss()) == pytest.approx(perplexity, rel=1e-4)


def test_records_hold_each_document(task: Task, loud_model: GPT2) -> None:
    evaluation = task.evaluate(loud_model, "dev", SHORT, seed=0)
    assert [sample["example"] for sample in evaluation.samples] == list(range(len(task.texts["dev"])))
    size = [len(text.encode()) for text in task.texts["dev"]]
    bits = [float(sample["bits_per_byte"] or 0) for sample in evaluation.samples]
    mean = sum(bit * count for bit, count in zip(bits, size, strict=True)) / sum(size)
    assert mean == pytest.approx(evaluation.metrics["bits_per_byte"])
    first: dict[str, Any] = dict(evaluation.samples[0])
    assert task.texts["dev"][0] == first["prompt"] + first["reference"]
    assert isinstance(first["generated"], str)


def test_documents_are_not_cut() -> None:
    with pytest.raises(SettingError, match="truncate: has no effect: task text reads long texts in parts"):
        TrainConfig(task="text", truncate="head")


def test_a_split_without_text_is_refused(task: Task, loud_model: GPT2) -> None:
    task.texts["test"] = []
    with pytest.raises(DataError, match="the test split has no text to score"):
        task.evaluate(loud_model, "test", SHORT, seed=0)


def test_training_lowers_the_perplexity(tmp_path: Path, base_folder: Path) -> None:
    data = str(write_poems(tmp_path / "poems.txt"))
    training = Training(TrainConfig(task="text", data=data, base=str(base_folder), lr=1e-2, batch_size=2))
    before = training.evaluate(SHORT).metrics["perplexity"]
    training.run_epoch()
    training.run_epoch()
    assert training.evaluate(SHORT).metrics["perplexity"] < before


def test_the_shipped_set_is_the_sonnets(small_tokenizer: Tokenizer) -> None:
    task = load_task("text", None, small_tokenizer, 256)
    assert isinstance(task, Task)
    assert [len(task.texts[split]) for split in ("train", "dev", "test")] == [124, 15, 15]


def test_the_hash_tells_the_shipped_sonnets_from_a_copy(tmp_path: Path, tiny_tokenizer: Tokenizer) -> None:
    """Their splits differ: a copy is read as paragraphs."""
    path = tmp_path / "sonnets.txt"
    path.write_bytes(sonnets.SHIPPED.read_bytes())
    shipped, own = find(None), find(str(path))
    assert [len(one.dataset.splits["dev"].texts) for one in (shipped, own)] == [15, 31]
    assert shipped.sha256() != own.sha256()
    for found, data in ((shipped, None), (own, str(path))):
        assert Task(data, tiny_tokenizer, 128).data_sha256 == found.sha256()
    assert find_data("sonnets", None).sha256() == find_data("sonnets", str(path)).sha256(), "which are read alike"


def test_a_useless_model_has_a_finite_perplexity(task: Task, loud_model: GPT2) -> None:
    useless = copy.deepcopy(loud_model)
    with torch.no_grad():
        useless.transformer.ln_f.weight.mul_(1e6)
    evaluation = task.evaluate(useless, "dev", SHORT, seed=0)
    assert evaluation.metrics["bits_per_byte"] > 1000
    assert evaluation.metrics["perplexity"] == math.exp(300)
    assert all(math.isfinite(float(sample["perplexity"])) for sample in evaluation.samples)

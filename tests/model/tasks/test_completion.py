"""The task completion: the loss is that of the completion alone, and texts are scored against it."""

import json
from pathlib import Path

import pytest
import sacrebleu
import torch

from model.config import DecodeConfig, TrainConfig
from model.errors import DataError
from model.gpt2 import GPT2
from model.loss import IGNORE
from model.pretrained.tokenizer import Tokenizer
from model.tasks import completion as module
from model.tasks import load_task
from model.tasks.completion import Task
from model.tasks.data.completion import given
from model.tasks.scores import rouge_l
from model.training import Training
from tests.model.tasks.data.new_users import write_prompts


@pytest.fixture
def prompts(tmp_path: Path) -> str:
    return str(write_prompts(tmp_path / "prompts.jsonl"))


@pytest.fixture
def task(prompts: str, small_tokenizer: Tokenizer) -> Task:
    return Task(prompts, small_tokenizer, max_tokens=256)


@pytest.mark.parametrize(
    ("prompt", "completion", "start"),
    [("a:", "b", "a:\n"), ("a:", " b", "a:"), ("a:\n", "b", "a:\n"), ("a: ", "b", "a: "), ("a", "\nb", "a")],
)
def test_a_line_break_follows_a_prompt_without_white_space(prompt: str, completion: str, start: str) -> None:
    assert given(prompt, completion) == start


def test_targets_are_the_completion_and_its_end(task: Task) -> None:
    (batch,) = task.batches("train", [2, 0, 5], batch_size=3)
    found = set()
    for inputs, targets in zip(batch.input_ids, batch.targets, strict=True):
        real = (targets != IGNORE).nonzero()[:, 0]
        assert real.tolist() == list(range(int(real[0]), int(real[-1]) + 1))
        prompt, completion = (task.tokenizer.decode(ids.tolist()) for ids in (inputs[: real[0] + 1], targets[real]))
        assert targets[real[-1]] == task.tokenizer.eos_id
        found.add((prompt, completion))
    assert found == {task.texts["train"][index] for index in (2, 0, 5)}


def test_loss_is_that_of_the_completion_alone(prompts: str, base_folder: Path) -> None:
    training = Training(TrainConfig(task="completion", data=prompts, base=str(base_folder)))
    task, total, count = training.task, 0.0, 0
    training.model.eval()
    assert isinstance(task, Task)
    for prompt, completion in task.texts["dev"]:
        start = task.tokenizer.encode(given(prompt, completion))
        rest = [*task.tokenizer.encode(completion), task.tokenizer.eos_id]
        log_probs = training.model(torch.tensor([start + rest]))[0].log_softmax(1)
        total -= sum(log_probs[len(start) - 1 + n, token].item() for n, token in enumerate(rest))
        count += len(rest)
    assert training.dev_loss() == pytest.approx(total / count, rel=1e-5)


def test_long_rows_keep_their_completion_as_far_as_possible(tmp_path: Path, small_tokenizer: Tokenizer) -> None:
    rows = [{"prompt": "rose " * 30 + str(n), "completion": " time" * (n % 2 * 40 + 3)} for n in range(30)]
    (tmp_path / "x.jsonl").write_text("\n".join(map(json.dumps, rows)))
    task = Task(str(tmp_path / "x.jsonl"), small_tokenizer, max_tokens=20)
    for index, (_, completion) in enumerate(task.texts["train"]):
        count, *ids = task.ids["train"].ids(index)
        rest = [*small_tokenizer.encode(completion), small_tokenizer.eos_id]
        assert len(ids) == 21
        assert count == max(10, 21 - len(rest))
        assert ids[count:] == rest[: 21 - count]
    (batch,) = task.batches("train", [0, 1], batch_size=2)
    assert batch.input_ids.shape == (2, 20)


def test_scores_are_those_of_the_libraries(task: Task, loud_model: GPT2, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = task.texts["dev"]
    new = [" and".join(completion.split("1")) + " " for _, completion in rows]
    true = [completion.strip() for _, completion in rows]
    stripped = [text.strip() for text in new]
    monkeypatch.setattr(module, "generate_draws", lambda *arguments, **named: [new])
    evaluation = task.evaluate(loud_model, "dev", DecodeConfig(), seed=0)
    assert evaluation.metrics == pytest.approx(
        {
            "chrf": sacrebleu.corpus_chrf(stripped, [true]).score,
            "bleu": sacrebleu.corpus_bleu(stripped, [true]).score,
            "rouge_l": sum(map(rouge_l, stripped, true)) / len(rows),
            "exact_match": sum(one == other for one, other in zip(stripped, true, strict=True)) / len(rows),
        }
    )
    assert evaluation.samples[1]["generated"] == new[1]


def test_a_perfect_completion(task: Task, loud_model: GPT2, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "generate_draws", lambda *a, **n: [[rest for _, rest in task.texts["dev"]]])
    metrics = task.evaluate(loud_model, "dev", None, seed=0).metrics
    assert (metrics["chrf"], metrics["rouge_l"], metrics["exact_match"]) == (100, 100, 1)


def test_only_the_first_rows_are_continued(task: Task, loud_model: GPT2, monkeypatch: pytest.MonkeyPatch) -> None:
    decode = DecodeConfig(max_new_tokens=3, top_k=1)
    whole = task.evaluate(loud_model, "train", decode, seed=0)
    monkeypatch.setattr(module, "SCORED", 7)
    monkeypatch.setattr(module, "GENERATED", 3)
    first = task.evaluate(loud_model, "train", decode, seed=0)
    assert len(first.samples) == 7
    assert [sample["generated"] for sample in first.samples] == [sample["generated"] for sample in whole.samples[:7]]


def test_prompts_that_fill_all_positions_can_still_be_continued(
    tmp_path: Path, small_tokenizer: Tokenizer, loud_model: GPT2
) -> None:
    rows = [{"prompt": "rose of summer " * 60 + str(n), "completion": "x"} for n in range(10)]
    (tmp_path / "x.jsonl").write_text("\n".join(map(json.dumps, rows)))
    task = Task(str(tmp_path / "x.jsonl"), small_tokenizer, max_tokens=256)
    evaluation = task.evaluate(loud_model, "dev", DecodeConfig(max_new_tokens=2), seed=0)
    assert evaluation.samples[0]["prompt"] == task.texts["dev"][0][0]


def test_the_shipped_set_is_the_sonnets(small_tokenizer: Tokenizer) -> None:
    task = load_task("completion", None, small_tokenizer, 256)
    sonnets = load_task("sonnets", None, small_tokenizer, 256)
    assert [task.size(split) for split in ("train", "dev", "test")] == [124, 15, 15]
    assert task.data_sha256 != ""
    assert task.texts["dev"][3] == (sonnets.splits["dev"][3].prompt, sonnets.splits["dev"][3].rest)  # type: ignore[attr-defined]
    with pytest.raises(DataError, match="needs 4 positions, but the base has 3"):
        load_task("completion", None, small_tokenizer, 3)

"""The sonnet task: batches and scores."""

from pathlib import Path

import pytest
import sacrebleu

from model.config import DecodeConfig
from model.gpt2 import GPT2
from model.loss import IGNORE
from model.pretrained.tokenizer import Tokenizer
from model.tasks import sonnets as module
from model.tasks.sonnets import Task


@pytest.fixture
def task(sonnets_file: Path, small_tokenizer: Tokenizer) -> Task:
    return Task(str(sonnets_file), small_tokenizer, max_tokens=256)


def test_targets_are_the_next_tokens_and_padding_has_none(task: Task) -> None:
    (batch,) = task.batches("train", [3, 1], batch_size=2)
    for row, index in enumerate([3, 1]):
        ids = task.ids["train"][index]
        assert batch.input_ids[row, : len(ids) - 1].tolist() == ids[:-1]
        assert batch.targets[row, : len(ids) - 1].tolist() == ids[1:]
        assert set(batch.targets[row, len(ids) - 1 :].tolist()) <= {IGNORE}
    assert ids[-1] == task.tokenizer.eos_id
    assert len({len(task.ids["train"][index]) for index in (1, 3)}) == 2, "else no padding was seen"


def test_batches_cover_the_order_once(task: Task) -> None:
    order = list(range(task.size("train")))
    rows = [len(batch.input_ids) for batch in task.batches("train", order, batch_size=4)]
    assert rows == [4, 4, 2]


def test_long_sonnets_are_cut_at_the_models_length(sonnets_file: Path, small_tokenizer: Tokenizer) -> None:
    task = Task(str(sonnets_file), small_tokenizer, max_tokens=5)
    (batch,) = task.batches("dev", [0], batch_size=1)
    assert batch.input_ids.shape == (1, 5)


def test_a_perfect_continuation_scores_100(task: Task, loud_model: GPT2, monkeypatch: pytest.MonkeyPatch) -> None:
    rests = [sonnet.rest for sonnet in task.splits["dev"]]
    monkeypatch.setattr(module, "generate_draws", lambda *arguments, **named: [rests])
    evaluation = task.evaluate(loud_model, "dev", DecodeConfig(), seed=0)
    assert evaluation.metrics == {"chrf": 100.0, "chrf_new": 100.0}
    assert [sample["chrf_new"] for sample in evaluation.samples] == [100.0] * len(rests)


def test_the_given_lines_lift_chrf_and_not_chrf_new(
    task: Task, loud_model: GPT2, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "generate_draws", lambda *arguments, **named: [["zzz"] * task.size("dev")])
    metrics = task.evaluate(loud_model, "dev", DecodeConfig(), seed=0).metrics
    assert metrics["chrf_new"] < 5 < 40 < metrics["chrf"]


def test_chrf_scores_whole_texts_and_chrf_new_only_new_lines(
    small_tokenizer: Tokenizer, loud_model: GPT2, monkeypatch: pytest.MonkeyPatch
) -> None:
    task = Task(None, small_tokenizer, max_tokens=256)
    sonnets = task.splits["dev"]
    new = [sonnet.rest[::2] for sonnet in sonnets]
    monkeypatch.setattr(module, "generate_draws", lambda *arguments, **named: [new])
    evaluation = task.evaluate(loud_model, "dev", DecodeConfig(), seed=0)
    whole = [s.prompt + n for s, n in zip(sonnets, new, strict=True)]
    chrf = sacrebleu.corpus_chrf(whole, [[s.text for s in sonnets]]).score
    chrf_new = sacrebleu.corpus_chrf(new, [[s.rest for s in sonnets]]).score
    assert evaluation.metrics == pytest.approx({"chrf": chrf, "chrf_new": chrf_new})
    assert evaluation.samples[4]["chrf"] == pytest.approx(sacrebleu.sentence_chrf(whole[4], [sonnets[4].text]).score)


def test_scores_match_the_generated_text(task: Task, loud_model: GPT2) -> None:
    evaluation = task.evaluate(loud_model, "test", DecodeConfig(max_new_tokens=5), seed=0)
    (sample,) = evaluation.samples
    assert sample["prompt"] == task.splits["test"][0].prompt
    assert sample["reference"] == task.splits["test"][0].rest
    assert evaluation == task.evaluate(loud_model, "test", DecodeConfig(max_new_tokens=5), seed=0)


def test_sonnets_score_every_draw(task: Task, loud_model: GPT2) -> None:
    single = task.evaluate(loud_model, "dev", DecodeConfig(max_new_tokens=5), seed=3)
    several = task.evaluate(loud_model, "dev", DecodeConfig(max_new_tokens=5, repeats=4), seed=3)
    size = task.size("dev")
    assert [sample["draw"] for sample in several.samples] == [draw for draw in range(4) for _ in range(size)]
    assert several.samples[:size] == [{"draw": 0, **sample} for sample in single.samples]
    assert set(several.metrics) == {"chrf", "chrf_new", "chrf_draw_sd", "chrf_new_draw_sd"}
    assert several.metrics["chrf_new_draw_sd"] > 0

"""Exported models: what transformers and PEFT load, in a process of their own, is what was trained."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from huggingface_hub import ModelCard

import sweep
from model.config import DecodeConfig, TrainConfig
from model.decoding.generate import continuations
from model.gpt2 import GPT2
from model.training import Training
from sweep import Space
from sweep.errors import RunError, UsageError
from sweep.export.trained import TrainedModel, load_trained
from sweep.export.write import export_model
from sweep.planning.provenance import Provenance
from sweep.reporting.points import find_point
from tests.model.folders import SHAPE, random_model, write_base

PROMPTS = ["Shall I compare thee to a", "When in disgrace with fortune and men's eyes, I all alone"]
LOAD = """
import json, sys, warnings
warnings.simplefilter("ignore")
import torch
from transformers import AutoModelForCausalLM, AutoModelForSequenceClassification, AutoTokenizer
folder, form, labels, base = sys.argv[1], sys.argv[2], int(sys.argv[3]), sys.argv[4]
kind = AutoModelForSequenceClassification if labels else AutoModelForCausalLM
if form == "hf":
    model = kind.from_pretrained(folder)
else:
    from peft import PeftModel
    options = {"num_labels": labels} if labels else {}
    model = PeftModel.from_pretrained(kind.from_pretrained(base, **options), folder)
tokenizer = AutoTokenizer.from_pretrained(folder)
model.eval()
found = []
with torch.no_grad():
    for prompt in json.loads(sys.argv[5]):
        ids = tokenizer(prompt, return_tensors="pt")
        found.append(model(**ids).logits.flatten(0, -2)[-1].tolist())
texts = []
if not labels:
    for prompt in json.loads(sys.argv[5]):
        ids = tokenizer(prompt, return_tensors="pt")
        options = {"max_new_tokens": 12, "pad_token_id": tokenizer.eos_token_id}
        out = model.generate(**ids, do_sample=False, num_beams=1, **options)
        texts.append(out[0].tolist())
names = getattr(model.config, "id2label", None) if labels else None
print(json.dumps({"logits": found, "texts": texts, "labels": names}))
"""
CASES: dict[str, tuple[str, dict[str, Any]]] = {
    "full": ("hf", {}),
    "lora merged": ("hf", {"lora.rank": 3, "lora.scale": 2.0}),
    "lora": ("peft", {"lora.rank": 3, "lora.scale": 2.0}),
    "lora dropout": ("peft", {"lora.rank": 1, "lora.dropout": 0.5}),
    "head": ("hf", {"task": "sentiment", "data": "verdicts"}),
    "head frozen": ("hf", {"task": "sentiment", "data": "verdicts", "freeze": "base"}),
    "head lora merged": ("hf", {"task": "sentiment", "data": "verdicts", "lora.rank": 2}),
    "head lora": ("peft", {"task": "sentiment", "data": "verdicts", "lora.rank": 2}),
    "cloze": ("hf", {"task": "paraphrase"}),
}


def trained_run(out: Path, poems: Path, name: str, settings: dict[str, Any], **options: Any) -> sweep.Run:
    """A run of one point, trained for one epoch at a rate that moves every weight."""
    fixed = {"epochs": 1, "batch_size": 4, "lr": 0.01, "data": str(poems), **settings}
    if settings.get("task") == "paraphrase":
        del fixed["data"]
    space = Space(fixed=fixed, decoding={} if "task" in settings else {"max_new_tokens": 4})
    return sweep.run(space, name=name.replace(" ", "_"), out=out, executor="inline", progress=False, **options)


def loaded_elsewhere(folder: Path, form: str, labels: int, base: Path | str) -> dict[str, Any]:
    arguments = [str(folder), form, str(labels), str(base), json.dumps(PROMPTS)]
    one_thread = {**os.environ, "OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}  # as here: a load changes the last bits
    done = subprocess.run(
        [sys.executable, "-c", LOAD, *arguments], capture_output=True, text=True, check=False, env=one_thread
    )
    assert done.returncode == 0, done.stderr[-2000:]
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def own_logits(trained: TrainedModel) -> list[list[float]]:
    with torch.no_grad():
        ids = [torch.tensor([trained.tokenizer.encode(prompt)]) for prompt in PROMPTS]
        return [trained.model(each)[0, -1].tolist() for each in ids]


@pytest.mark.parametrize(
    "name", [name if name in ("lora", "head") else pytest.param(name, marks=pytest.mark.slow) for name in CASES]
)
def test_others_load_the_same_model(name: str, tmp_path: Path, poems: Path) -> None:
    form, settings = CASES[name]
    run = trained_run(tmp_path, poems, name, settings)
    trained = load_trained(run.folder)
    expected = own_logits(trained)
    labels = len(trained.labels)
    folder = tmp_path / "exported"
    export_model(run.folder, None, folder, form)
    found = loaded_elsewhere(folder, form, labels, folder / "base")
    np.testing.assert_allclose(found["logits"], expected, atol=1e-5)
    if not labels:
        ids = [trained.tokenizer.encode(prompt) for prompt in PROMPTS]
        decode = DecodeConfig(top_k=1, max_new_tokens=12)
        texts = [continuations(trained.model, [one], decode, eos_id=trained.tokenizer.eos_id)[0].ids for one in ids]
        for prompt, mine, theirs in zip(ids, texts, found["texts"], strict=True):
            assert theirs[: len(prompt) + len(mine)] == prompt + mine
    else:
        assert found["labels"] == {str(index): label for index, label in enumerate(trained.labels)}


SHAPES = {  # small stand-ins with the proportions of gpt2 and gpt2-large, and one with an MLP of its own width
    "gpt2": {"n_embd": 48, "n_layer": 4, "n_head": 4},
    "gpt2-large": {"n_embd": 60, "n_layer": 6, "n_head": 5},
    "own width": {"n_embd": 40, "n_layer": 2, "n_head": 2, "n_inner": 70},
}


@pytest.mark.slow
@pytest.mark.parametrize("form", ["hf", "peft"])
@pytest.mark.parametrize("shape", SHAPES)
def test_bases_of_other_shapes(shape: str, form: str, tmp_path: Path, poems: Path) -> None:
    base = write_base(tmp_path / "base", random_model(replace(SHAPE, **SHAPES[shape])))
    run = trained_run(tmp_path, poems, "lora", {"lora.rank": 3}, base=str(base))
    expected = own_logits(load_trained(run.folder))
    export_model(run.folder, None, tmp_path / "exported", form)
    found = loaded_elsewhere(tmp_path / "exported", form, 0, tmp_path / "exported" / "base")
    np.testing.assert_allclose(found["logits"], expected, atol=1e-5 * np.abs(expected).max())
    assert np.std(expected) > 0.1


def test_an_export_is_a_base_with_the_same_dev_loss(tmp_path: Path, poems: Path) -> None:
    run = trained_run(tmp_path, poems, "lora", {"lora.rank": 2})
    folder = tmp_path / "exported"
    export_model(run.folder, None, folder, "hf")
    again = Training(TrainConfig(base=str(folder), data=str(poems), epochs=0))
    assert again.dev_loss() == pytest.approx(run.best()["dev_loss"], abs=1e-5)


def test_a_point_of_a_run_is_a_base(tmp_path: Path, poems: Path) -> None:
    """The next run starts where the first one ended, and its base names the run that made it."""
    first = trained_run(tmp_path, poems, "first", {"lora.rank": 2})
    point = str(first.best()["point_id"])
    for base in (f"first@{point[:4]}", "first@", "first@best"):
        second = trained_run(tmp_path, poems, "second", {}, base=base)
        assert second.best()["base"] == str(first.path / "exports" / point)
        assert second.best()["base_dev_loss"] == pytest.approx(first.best()["dev_loss"], abs=1e-5)
    classes = trained_run(tmp_path, poems, "classes", {"task": "sentiment", "data": "verdicts"})
    with pytest.raises(RunError, match="predicts classes, but a base predicts tokens"):
        trained_run(tmp_path, poems, "third", {}, base=f"{classes.name}@")
    with pytest.raises(RunError, match="no run"):
        trained_run(tmp_path, poems, "fourth", {}, base="nothing@")


def test_a_gguf_file_holds_the_model_in_16_bits(tmp_path: Path, poems: Path) -> None:
    """Read back by the gguf package, the weights give the same logits to 1e-2, and the vocabulary is whole."""
    from gguf import GGUFReader

    from sweep.export.gguf_file import FILE, gguf_name

    run = trained_run(tmp_path, poems, "lora", {"lora.rank": 2})
    trained = load_trained(run.folder)
    expected = own_logits(trained)
    export_model(run.folder, None, tmp_path / "exported", "gguf")
    reader = GGUFReader(tmp_path / "exported" / FILE)
    stored = {tensor.name: torch.from_numpy(tensor.data.copy()).float() for tensor in reader.tensors}
    plain = Training(TrainConfig(data=str(poems), epochs=0)).model
    state = {name: stored[gguf_name(name)] for name in plain.state_dict()}
    state = {name: part.T if ".c_" in name and part.dim() == 2 else part for name, part in state.items()}
    again = GPT2.from_state_dict(plain.config, state).eval()
    with torch.no_grad():
        found = [again(torch.tensor([trained.tokenizer.encode(prompt)]))[0, -1].tolist() for prompt in PROMPTS]
    np.testing.assert_allclose(found, expected, atol=1e-2)
    fields = {name: field.contents() for name, field in reader.fields.items() if not name.startswith("tokenizer")}
    config = plain.config
    assert fields["general.architecture"] == "gpt2"
    assert fields["gpt2.block_count"] == config.n_layer
    assert fields["gpt2.attention.head_count"] == config.n_head
    tokens = reader.fields["tokenizer.ggml.tokens"].contents()
    assert len(tokens) == config.vocab_size
    assert reader.fields["tokenizer.ggml.eos_token_id"].contents() == trained.tokenizer.eos_id


def test_a_card_says_how_good_the_model_is(tmp_path: Path, poems: Path) -> None:
    run = trained_run(tmp_path, poems, "lora", {"lora.rank": 2}, seeds=3)
    export_model(run.folder, None, tmp_path / "exported", "hf")
    text = (tmp_path / "exported" / "README.md").read_text()
    card = ModelCard(text)
    best = run.best()
    assert card.data.to_dict()["pipeline_tag"] == "text-generation"
    assert card.data.eval_results[0].metric_value == pytest.approx(best["chrf"])
    mean = run.leaderboard()["chrf"].mean()
    assert f"its configuration over seeds: chrf {mean:.3f} [" in text
    assert "n = 3 paired seeds" in text
    assert run.folder.spec.provenance.dataset(find_point(run.folder, None)).sha256 in text
    assert str(tmp_path) not in text


def test_a_model_of_a_gpu_and_a_base_of_another_folder(
    tmp_path: Path, poems: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A relative base is found from any folder, its path stays private, and a precision of GPUs loads on a CPU."""
    write_base(tmp_path / "bases" / "mine")
    monkeypatch.chdir(tmp_path)
    run = trained_run(tmp_path, poems, "lora", {"lora.rank": 2}, base="bases/mine")
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    export_model(run.folder, None, Path("."), "peft")
    config = json.loads(Path("adapter_config.json").read_text())
    assert (config["base_model_name_or_path"], config["revision"]) == ("base", None)
    card = Path("README.md").read_text()
    assert "bases/mine" not in card
    assert "- base: mine, revision none" in card
    located = Provenance.located
    monkeypatch.setattr(Provenance, "located", lambda self, point: replace(located(self, point), precision="tf32"))
    assert load_trained(run.folder).training.device.type == "cpu"


def test_a_card_knows_which_scores_are_better_when_smaller(tmp_path: Path, poems: Path) -> None:
    run = trained_run(tmp_path, poems, "text", {"task": "text", "lora.rank": 2}, seeds=3, metric="perplexity")
    export_model(run.folder, None, tmp_path / "exported", "hf")
    (line,) = [
        one for one in (tmp_path / "exported" / "README.md").read_text().splitlines() if "fine-tuned - base" in one
    ]
    assert re.search(r"fine-tuned - base: -\d", line)
    assert "worse" not in line


def test_nothing_is_overwritten(tmp_path: Path, poems: Path) -> None:
    run = trained_run(tmp_path, poems, "full", {})
    (tmp_path / "there").mkdir()
    (tmp_path / "there" / "mine").touch()
    with pytest.raises(UsageError, match="there is not empty; name a new or empty folder"):
        export_model(run.folder, None, tmp_path / "there", "hf")


@pytest.mark.parametrize(
    ("settings", "form", "message"),
    [
        ({}, "peft", "was not trained with LoRA: use --format hf"),
        ({"task": "sentiment", "data": "verdicts"}, "gguf", "cannot run a GPT-2 with a classifier: use --format hf"),
    ],
)
def test_a_form_that_does_not_fit_is_refused(
    settings: dict[str, Any], form: str, message: str, tmp_path: Path, poems: Path
) -> None:
    run = trained_run(tmp_path, poems, "one", settings)
    with pytest.raises(RunError, match=message):
        export_model(run.folder, None, tmp_path / "exported", form)
    assert not (tmp_path / "exported").exists()
    assert not list(tmp_path.glob(".exported*"))


def test_unknown_points_are_refused(tmp_path: Path, poems: Path) -> None:
    run = trained_run(tmp_path, poems, "full", {})
    with pytest.raises(RunError, match="has no point 'zzz': `sweep report full --rows` lists the ids"):
        find_point(run.folder, "zzz")


def test_the_commands(finished: Path, sweep: Callable[..., Any], tmp_path: Path) -> None:
    best = sweep("best", finished)
    assert best.exit_code == 0
    assert "lora.rank = " in best.output
    exported = sweep("export", finished, "--to", tmp_path / "model")
    assert exported.exit_code == 0, exported.output
    assert (tmp_path / "model" / "model.safetensors").is_file()
    prompts = tmp_path / "prompts.txt"
    prompts.write_text("Shall I compare thee\n\nWhen in disgrace\n")
    texts = sweep("generate", finished, "--prompt", prompts, "--prompt", "So long as men")
    assert texts.exit_code == 0, texts.output
    parts = texts.output.strip().split("\n\n")
    assert [part.startswith(start) for part, start in zip(parts, ("Shall I", "When in", "So long"), strict=True)]
    long = sweep("generate", finished, "--prompt", "love " * 20)
    assert long.exit_code == 0, long.output
    dry = sweep("run", "lora_rank", "--base", f"{finished}@", "--dry-run")
    assert dry.exit_code == 0, dry.output
    assert not (finished / "exports").exists()
    empty = sweep("generate", finished, "--prompt", "")
    assert (empty.exit_code, "the prompt is empty" in empty.output) == (2, True)

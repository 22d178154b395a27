"""Base models from good and bad folders, and the real hub client with a small local hub."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from model.errors import BaseError
from model.pretrained.bases import load_base
from tests.model.folders import random_model, write_base, write_vocabulary_pair
from tests.model.hub import COMMITS, Hub, serve


def test_a_folder_gives_its_weights(folder: Path) -> None:
    base = load_base(str(folder))
    stored = load_file(folder / "model.safetensors")
    assert set(base.state) == set(stored)
    assert all(torch.equal(base.state[name], tensor) for name, tensor in stored.items())
    assert base.files.revision is None


def test_models_are_copies_unless_frozen(folder: Path) -> None:
    base = load_base(str(folder))
    name = "transformer.wte.weight"
    assert base.build().transformer.wte.weight.data_ptr() != base.state[name].data_ptr()
    frozen = base.build(frozen=True)
    assert frozen.transformer.wte.weight.data_ptr() == base.state[name].data_ptr()
    assert not any(parameter.requires_grad for parameter in frozen.parameters())
    assert base.build(dropout=0.3).transformer.drop.p == 0.3


def test_older_names_and_stored_masks_load(folder: Path) -> None:
    path = folder / "model.safetensors"
    old = {name.removeprefix("transformer."): tensor for name, tensor in load_file(path).items()}
    old["h.0.attn.bias"] = torch.ones(1, 1, 4, 4)
    old["h.0.attn.masked_bias"] = torch.tensor(-torch.inf)
    old["lm_head.weight"] = old["wte.weight"].clone()
    save_file(old, path)
    new = load_base(str(folder)).state
    assert all(torch.equal(new["transformer." + name], t) for name, t in old.items() if "transformer." + name in new)
    assert len(new) == len(old) - 3


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_other_precisions_become_single(folder: Path, dtype: torch.dtype) -> None:
    path = folder / "model.safetensors"
    save_file({name: tensor.to(dtype) for name, tensor in load_file(path).items()}, path)
    assert {tensor.dtype for tensor in load_base(str(folder)).state.values()} == {torch.float32}


def edit_config(folder: Path, **changes: Any) -> None:
    path = folder / "config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))


def edit_weights(folder: Path, edit: Callable[[dict[str, torch.Tensor]], object]) -> None:
    state = load_file(folder / "model.safetensors")
    edit(state)
    save_file(state, folder / "model.safetensors")


DAMAGE: dict[str, tuple[Callable[[Path], object], str]] = {
    "no weights": (lambda f: (f / "model.safetensors").unlink(), "it has no model.safetensors"),
    "no config": (lambda f: (f / "config.json").unlink(), "it has no config.json"),
    "no tokenizer": (lambda f: (f / "tokenizer.json").unlink(), "holds neither tokenizer.json nor vocab.json"),
    "cut weights": (
        lambda f: (f / "model.safetensors").write_bytes((f / "model.safetensors").read_bytes()[:-100]),
        r"model.safetensors is damaged.*put a good copy there",
    ),
    "text for weights": (lambda f: (f / "model.safetensors").write_text("x"), "model.safetensors is damaged"),
    "broken config": (lambda f: (f / "config.json").write_text("{"), r"config.json is damaged"),
    "config of another shape": (lambda f: (f / "config.json").write_text("[1]"), "config.json is damaged"),
    "no heads": (lambda f: edit_config(f, n_head=0), "config.json is damaged"),
    "config of text": (lambda f: edit_config(f, n_layer="two"), "config.json is damaged"),
    "another family": (lambda f: edit_config(f, model_type="llama"), "model_type is 'llama', not 'gpt2'"),
    "another activation": (lambda f: edit_config(f, activation_function="relu"), "activation_function is 'relu'"),
    "missing tensor": (
        lambda f: edit_weights(f, lambda s: s.pop("transformer.h.1.mlp.c_fc.bias")),
        r"has no tensor h.1.mlp.c_fc.bias",
    ),
    "misshapen tensor": (
        lambda f: edit_weights(f, lambda s: s.update({"transformer.ln_f.bias": torch.ones(3)})),
        r"tensor ln_f.bias as \(3,\), but config.json requires \(24,\)",
    ),
    "another vocabulary": (lambda f: edit_config(f, vocab_size=301), r"tensor wte.weight as \(300, 24\), but config"),
    "more positions": (lambda f: edit_config(f, n_positions=512), r"tensor wpe.weight as \(256, 24\), but config"),
    "fewer layers than stored": (
        lambda f: edit_config(f, n_layer=1),
        "has tensor h.1.attn.c_attn.bias, which the",
    ),
    "more layers than stored": (lambda f: edit_config(f, n_layer=3), "has no tensor h.2.ln_1.weight"),
    "endless layers": (lambda f: edit_config(f, n_layer=10**9), "has no tensor h.2.ln_1.weight"),
    "a foreign tensor": (
        lambda f: edit_weights(f, lambda s: s.update({"score.weight": torch.ones(3)})),
        "has tensor score.weight, which the GPT-2",
    ),
    "integer weights": (
        lambda f: edit_weights(f, lambda s: s.update({"transformer.ln_f.bias": torch.ones(24, dtype=torch.int8)})),
        "has tensor ln_f.bias in I8, which is none of F64",
    ),
    "not a number": (
        lambda f: edit_weights(f, lambda s: s["transformer.h.1.ln_2.bias"][5].fill_(float("nan"))),
        "tensor h.1.ln_2.bias holds a number that is not finite",
    ),
    "infinite in half precision": (
        lambda f: edit_weights(f, lambda s: s.update(half(s, torch.bfloat16, "transformer.wpe.weight"))),
        "tensor wpe.weight holds a number that is not finite",
    ),
    "damaged header": (
        lambda f: (f / "model.safetensors").write_bytes(b"\xff" * 20 + (f / "model.safetensors").read_bytes()[20:]),
        "model.safetensors is damaged",
    ),
    "heads of 5.0": (lambda f: edit_config(f, n_head=3.0), "config.json is damaged: n_head: must be int"),
    "negative heads": (lambda f: edit_config(f, n_head=-3), "config.json is damaged: n_head: must be at least 1"),
    "true heads": (lambda f: edit_config(f, n_head=True), "config.json is damaged: n_head: must be int"),
    "no inner width": (lambda f: edit_config(f, n_inner=0), "config.json is damaged: n_inner: must be at least 1"),
    "a deep config": (
        lambda f: (f / "config.json").write_text('{"a":' + "[" * 100_000 + "]" * 100_000 + "}"),
        "config.json is damaged",
    ),
    "a folder for a tokenizer": (
        lambda f: ((f / "tokenizer.json").unlink(), (f / "tokenizer.json").mkdir()),
        "holds neither tokenizer.json nor vocab.json",
    ),
    "broken tokenizer": (lambda f: (f / "tokenizer.json").write_text("{"), "damaged tokenizer"),
    "vocabularies differ": (
        lambda f: write_base(f, random_model_of(vocab_size=200)),
        "its tokenizer has 300 tokens, its model 200",
    ),
}


def half(state: dict[str, torch.Tensor], dtype: torch.dtype, infinite: str) -> dict[str, torch.Tensor]:
    """The state in half precision, with an infinity at the end of the tensor `infinite`."""
    found = {name: tensor.to(dtype) for name, tensor in state.items()}
    found[infinite].view(-1)[-1] = float("inf")
    return found


REMEDIES = ("put a good copy there", "choose another base", "read from safetensors only")


def random_model_of(**changes: Any) -> Any:
    from dataclasses import replace

    from tests.model.folders import SHAPE

    return random_model(replace(SHAPE, **changes), gain=1)


@pytest.mark.parametrize("case", DAMAGE)
def test_bad_checkpoint_folder_error_names_the_fault(folder: Path, case: str) -> None:
    damage, message = DAMAGE[case]
    damage(folder)
    with pytest.raises(BaseError, match=message) as caught:
        load_base(str(folder))
    assert str(folder) in str(caught.value)
    assert any(remedy in str(caught.value) for remedy in REMEDIES)


# The client reads its settings when it is imported, so it gets a process of its own; its waits between tries are left
# out.
LOADER = """
import json, sys, time
from model.errors import BaseError
from model.pretrained.bases import load_base

time.sleep = lambda seconds: None
answers = []
for name, revision in json.loads(sys.argv[1]):
    try:
        base = load_base(name, revision)
        answers.append({"revision": base.files.revision, "sum": float(base.state["transformer.wte.weight"].sum())})
    except BaseError as error:
        answers.append({"error": str(error)})
print(json.dumps(answers))
"""
# Load a base, damage its weights in the cache, follow the advice of the error, load it again.
MENDER = """
import json, re, shutil, sys
from model.errors import BaseError
from model.pretrained.bases import load_base

(name, revision), = json.loads(sys.argv[1])
files = load_base(name, revision).files
(files.folder / "model.safetensors").resolve().write_bytes(b"damaged")
try:
    load_base(name, revision)
except BaseError as error:
    message = str(error)
shutil.rmtree(re.search("delete the folder ([^ ]+) and run again", message)[1])
print(json.dumps([{"error": message}, {"revision": load_base(name, revision).files.revision}]))
"""


def load_from(
    endpoint: str, home: Path, *wanted: tuple[str, str | None], offline: bool = False, script: str = LOADER
) -> list[dict[str, Any]]:
    """Load each (name, revision) in one process against the hub at `endpoint`, its cache under `home`."""
    environment = {**os.environ, "HF_ENDPOINT": endpoint, "HF_HOME": str(home), "HF_HUB_OFFLINE": str(int(offline))}
    environment["HF_HUB_DISABLE_PROGRESS_BARS"] = "1"
    for proxy in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"):
        environment.pop(proxy, None)
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", script, json.dumps(wanted)],
        capture_output=True,
        text=True,
        env=environment,
    )
    assert done.returncode == 0, done.stderr
    answers: list[dict[str, Any]] = json.loads(done.stdout.splitlines()[-1])
    return answers


@pytest.fixture
def hub(tmp_path: Path) -> Hub:
    """One good repository, and one for each way of being bad."""
    repositories = {name: write_base(tmp_path / "hub" / name) for name in ("good", "old", "unsafe", "wrong", "llama")}
    write_vocabulary_pair(repositories["old"])
    (repositories["unsafe"] / "model.safetensors").rename(repositories["unsafe"] / "pytorch_model.bin")
    edit_config(repositories["wrong"], n_embd=48)
    edit_config(repositories["llama"], model_type="llama")
    return Hub({f"owner/{name}": path for name, path in repositories.items()})


def test_hub_download_records_the_commit_and_fills_the_cache(hub: Hub, tmp_path: Path) -> None:
    expected = float(load_base(str(hub.repositories["owner/good"])).state["transformer.wte.weight"].sum())
    with serve(hub) as endpoint:
        wanted = (("owner/good", None), ("owner/good", "v1"), ("owner/old", None))
        main, tagged, old = load_from(endpoint, tmp_path / "home", *wanted)
    assert main == {"revision": COMMITS["main"], "sum": expected}
    assert tagged == {"revision": COMMITS["v1"], "sum": expected}
    assert old == main
    assert any("resolve/main/config.json" in path for path in hub.requests)
    assert any(f"resolve/{COMMITS['main']}/model.safetensors" in path for path in hub.requests)
    assert load_from("http://127.0.0.1:9", tmp_path / "home", *wanted, offline=True) == [main, tagged, old]


def test_hub_errors_are_one_line_with_a_remedy(hub: Hub, tmp_path: Path) -> None:
    cases = {
        ("owner/nothing", None): "the hub has no repository owner/nothing",
        ("owner/good", "v9"): "owner/good has no revision 'v9'; omit it for main",
        ("owner/unsafe", None): "owner/unsafe has no model.safetensors; choose a GPT-2 repository",
        ("owner/wrong", None): "but config.json requires",
        ("owner/llama", None): "model_type is 'llama', not 'gpt2'",
    }
    with serve(hub) as endpoint:
        answers = load_from(endpoint, tmp_path / "home", *cases)
    for (name, _), message, answer in zip(cases, cases.values(), answers, strict=True):
        assert message in answer["error"], answer
        assert name.partition("/")[2] in answer["error"] or COMMITS["main"] in answer["error"]
        assert "\n" not in answer["error"]
    assert not any("llama" in path and "model.safetensors" in path for path in hub.requests)


def test_the_advice_on_damaged_weights_mends_them(hub: Hub, tmp_path: Path) -> None:
    with serve(hub) as endpoint:
        damaged, mended = load_from(endpoint, tmp_path / "home", ("owner/good", None), script=MENDER)
    assert "model.safetensors is damaged" in damaged["error"]
    assert mended == {"revision": COMMITS["main"]}


def test_truncated_download_fails_and_a_retry_succeeds(hub: Hub, tmp_path: Path) -> None:
    hub.cut.add("model.safetensors")
    with serve(hub) as endpoint:
        (cut,) = load_from(endpoint, tmp_path / "home", ("owner/good", None))
        hub.cut.clear()
        (whole,) = load_from(endpoint, tmp_path / "home", ("owner/good", None))
    assert "downloading owner/good/model.safetensors failed" in cut["error"]
    assert "run the command again" in cut["error"]
    assert whole["revision"] == COMMITS["main"]


@pytest.mark.parametrize("offline", [True, False])
def test_unreachable_hub_error_names_the_remedy(tmp_path: Path, offline: bool) -> None:
    (answer,) = load_from("http://127.0.0.1:9", tmp_path / "home", ("gpt2", None), offline=offline)
    assert "cannot reach the hub" in answer["error"]
    assert "give the folder of a copy as base" in answer["error"]

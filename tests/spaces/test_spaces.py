"""Every shipped space loads, is documented, and has the size stated in the paper."""

import csv

import pytest

from model.task_specs import TASKS
from sweep.planning.plan import make_plan
from sweep.planning.registry import load_space
from sweep.planning.shipped import published_scores, shipped_spaces
from sweep.planning.space import expand

NAMES = sorted(path.stem for path in shipped_spaces().glob("*.py") if path.stem != "__init__")

# (points, trials) of section 4.2 of the paper; `decoding` is ours.
SIZES = {
    "classification": (4, 4),
    "combinations": (15, 10),
    "completion": (4, 4),
    "decoding": (24, 1),
    "lora_model_size": (2, 2),
    "lora_or_full": (2, 2),
    "lora_rank": (24, 24),
    "lora_scale": (16, 16),
    "pairs": (4, 4),
    "paraphrase": (4, 4),
    "sentiment": (4, 4),
    "smart": (72, 72),
    "smart_lora": (16, 16),
    "smart_lora_soap": (36, 9),
    "soap_decoding": (1020, 20),
    "text": (4, 4),
}
ABOUT_BASES = {"lora_model_size"}


def test_every_space_has_a_stated_size() -> None:
    assert set(NAMES) == set(SIZES)


@pytest.mark.parametrize("name", NAMES)
def test_a_space_has_the_size_that_it_states(name: str) -> None:
    file = load_space(name)
    plan = make_plan(expand(file.space, {}), seeds=1)
    points, trials = SIZES[name]
    assert (len(plan.points), len(plan.trials)) == (points, trials)
    assert f"{points:,} points, {trials} trial{'s' * (trials > 1)}." in file.about.splitlines()[0]


@pytest.mark.parametrize("name", NAMES)
def test_a_space_is_data_and_leaves_the_base_to_the_user(name: str) -> None:
    file = load_space(name)
    assert file.space.task in TASKS
    assert "import ray" not in file.source
    assert ("base" in {**file.space.fixed, **file.space.axes}) == (name in ABOUT_BASES)
    assert len(file.source.splitlines()) < 40


def axes_of(name: str) -> dict[str, set[object]]:
    """Every setting of a space's points, with the values it takes; None where it is off."""
    plan = make_plan(expand(load_space(name).space, {}), seeds=1)
    keys = {key for point in plan.points for key in point.settings}
    return {key: {point.settings.get(key) for point in plan.points} for key in keys}


# Section 4.2, axis by axis. What is not listed has one value: that of USUAL, or the setting's own default.
USUAL: dict[str, object] = {"task": "sonnets", "epochs": 10, "batch_size": 8, "lr": 1e-3, "decode.top_p": 0.9}
GRIDS: dict[str, dict[str, set[object]]] = {
    "smart": {
        "smart.lam": {9e-4, 1e-3, 2e-3, 3e-3, 4e-3, 5e-3, 1e-2, 2e-2, 5e-2},
        "smart.eps": {1e-6, 1e-5},
        "smart.step_size": {1e-2, 1e-3},
        "smart.noise_var": {1e-5},
        "lr": {5e-3, 1e-3},
    },
    "lora_scale": {
        "lora.rank": {2},
        "lora.scale": {0.25, 0.5, 1.0, 2.0},
        "lora.dropout": {0.05, 0.1},
        "lr": {1e-3, 5e-4},
    },
    "lora_rank": {"lora.rank": {2, 4, 8, 16, 32, 64}, "lora.scale": {1.0, 2.0}, "lora.dropout": {0.05, 0.1}},
    "lora_model_size": {
        "base": {"gpt2", "gpt2-large"},
        "lora.rank": {2},
        "lora.scale": {2.0},
        "lora.dropout": {0.05},
        "lr": {1e-4},
        "decode.top_p": {0.98},
    },
    "soap_decoding": {
        "optimizer": {"soap"},
        "epochs": {5, 10, 20},
        "batch_size": {2, 4, 8, 16, 32},
        "lr": {1e-5, 1e-4, 1e-3, 3e-3},
        "decode.top_p": {None, 0.9, 0.93, 0.94, 0.95, 0.97, 0.98},
        "decode.top_k": {None, 1, 3, 4, 5, 10, 20},
        "decode.beams": {None, 1, 3, 5},
        "decode.generations": {None, 3, 5},
    },
    "smart_lora": {
        "smart.lam": {1e-4, 1e-3, 1e-2, 2e-2},
        "smart.eps": {1e-6},
        "smart.step_size": {1e-3},
        "smart.noise_var": {1e-5},
        "lora.rank": {2, 4, 8, 32},
        "lora.scale": {1.0},
        "lora.dropout": {0.05},
    },
    "smart_lora_soap": {
        "optimizer": {"soap"},
        "epochs": {10, 20},
        "batch_size": {4, 8, 16},
        "lr": {1e-4, 1e-3, 3e-3},
        "decode.top_p": {0.9, 0.98},
        "lora.rank": {8},
        "lora.scale": {1.0},
        "lora.dropout": {0.05},
        "smart.lam": {4e-3},
        "smart.eps": {1e-5},
        "smart.step_size": {1e-3},
        "smart.noise_var": {1e-5},
    },
}


@pytest.mark.parametrize("name", GRIDS)
def test_a_grid_is_the_papers(name: str) -> None:
    axes = axes_of(name)
    for key, values in {**{key: {value} for key, value in USUAL.items()}, **GRIDS[name]}.items():
        assert axes.pop(key) == values, key
    assert all(len(values) == 1 or key in ("decode.rank_by", "decode.temperature") for key, values in axes.items())


def test_soap_is_the_papers() -> None:
    (optimizer,) = axes_of("soap_decoding")["weight_decay"]
    assert optimizer == 0.01


def test_the_combinations_are_the_rows_of_table_3() -> None:
    """SMART, LoRA and SOAP of each row, in the paper's order."""
    plan = make_plan(expand(load_space("combinations").space, {}), seeds=1)
    methods = [
        (point.train.smart is not None, point.train.lora is not None, point.train.optimizer == "soap")
        for point in plan.points
    ]
    no, yes = False, True
    assert methods == [
        (no, no, no),
        (yes, no, no),
        (yes, no, no),
        (no, yes, no),
        (no, no, yes),
        (no, no, no),
        (no, no, no),
        (no, no, no),
        (yes, yes, no),
        (yes, no, yes),
        (no, yes, yes),
        (no, no, yes),
        (yes, yes, yes),
        (yes, yes, yes),
        (no, no, yes),
    ]


def test_the_combinations_have_the_papers_names() -> None:
    plan = make_plan(expand(load_space("combinations").space, {}), seeds=1)
    with (published_scores() / "combinations.csv").open(newline="") as file:
        assert [point.variant for point in plan.points] == [row["method"] for row in csv.DictReader(file)]

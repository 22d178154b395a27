"""Which trials are measured for packing: those that need the most memory for training and for decoding."""

from pathlib import Path

import pytest

from model.config import DecodeConfig, TrainConfig
from sweep.forecast.memory import heaviest_points
from sweep.planning.plan import Plan, Point
from sweep.planning.provenance import trace


def point(poems: Path, decode: dict[str, object] | None = None, **settings: object) -> Point:
    given = {"epochs": 1, "batch_size": 2, "data": str(poems), "dropout": 0.0, "lora": {"rank": 1}, **settings}
    return Point(TrainConfig(**given), DecodeConfig(**{"max_new_tokens": 6, **(decode or {})}))


LIGHT_AND_HEAVY = {
    "attention dropout": ({}, {"dropout": 0.1}),
    "an optimizer with more state": ({"lora": None}, {"lora": None, "optimizer": "soap"}),
    "all weights": ({}, {"lora": None}),
    "SMART": ({}, {"smart": {"lam": 0.1}}),
    "a larger batch": ({}, {"batch_size": 8}),
    "a trained base beside the baseline": ({"epochs": 0, "lora": None}, {}),
}


@pytest.mark.parametrize("case", LIGHT_AND_HEAVY)
def test_training_that_needs_more_is_measured(poems: Path, case: str) -> None:
    light, heavy = (point(poems, **settings) for settings in LIGHT_AND_HEAVY[case])
    plan = Plan((light, heavy))
    assert heaviest_points(plan.trials, trace(plan.points, gpu=False, threads=1)) == [heavy]


def test_decoding_that_needs_more_is_measured_too(poems: Path) -> None:
    heavy, beams = point(poems, batch_size=8), point(poems, {"beams": 9})
    plan = Plan((point(poems), beams, heavy, point(poems, {"generations": 3, "top_p": 0.9})))
    provenance = trace(plan.points, gpu=False, threads=1)
    assert heaviest_points(plan.trials, provenance) == [heavy, beams]
    both = point(poems, {"beams": 9}, batch_size=8)
    assert heaviest_points(Plan((*plan.points, both)).trials, provenance) == [both]

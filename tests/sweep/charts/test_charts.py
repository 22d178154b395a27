"""Every kind of chart on every reference run, against the figures that it is drawn from."""

import itertools
import json
import math
import random
from dataclasses import replace
from pathlib import Path
from typing import Any

import altair as alt
import pytest
from click.testing import CliRunner

from sweep.charts.cost import mark_front
from sweep.charts.figure import Figure
from sweep.charts.palette import DARK, LIGHT, PAGE, Palette
from sweep.charts.plots import Plots
from sweep.charts.registry import CHARTS, find_chart
from sweep.charts.source import Options, Source
from sweep.charts.timeline import in_lanes
from sweep.cli.commands import main
from sweep.errors import RunError, UsageError
from sweep.reporting.verdicts.groups import summarize
from sweep.reporting.verdicts.study import Study
from sweep.store.state import full_plan
from tests.sweep.charts.conftest import REFERENCE, RUNS, reference

NOTHING_TO_DRAW = {
    "lora_rank": ("methods",),
    "combinations": (),
    "sentiment": ("effects", "methods", "parallel", "rungs"),  # one setting with two values
    "paraphrase": ("rungs",),
}
REASONS = r"no two configurations|no effect on accuracy|fewer than 2 settings vary|too few trials"


def draw(source: Source, kind: str, palette: Palette = LIGHT, **options: Any) -> Figure:
    return CHARTS[kind](source, Options(**options), palette)


@pytest.mark.parametrize("kind", CHARTS)
@pytest.mark.parametrize("run", RUNS)
def test_a_chart_shows_the_records_of_its_table(run: str, kind: str) -> None:
    """Each is a valid Vega-Lite specification that holds the figures of its table, with a title and a sentence."""
    if kind in NOTHING_TO_DRAW[run]:
        with pytest.raises(RunError, match=REASONS):
            draw(reference(run), kind)
        return
    figure = draw(reference(run), kind)
    spec = figure.titled(LIGHT).to_dict()
    drawn = [entry for layer in spec["datasets"].values() for entry in layer] if "datasets" in spec else []
    drawn += [entry for layer in spec["layer"] for entry in layer.get("data", {}).get("values", [])]
    assert figure.records
    assert all(entry in drawn for entry in json.loads(json.dumps(list(figure.records))))
    assert set(figure.columns) <= set(figure.records[0])
    assert figure.title[0] != " "
    assert figure.sentence.endswith(".")


@pytest.mark.parametrize("kind", CHARTS)
def test_the_same_run_gives_the_same_chart(kind: str) -> None:
    source = reference("combinations")
    one, other = (draw(source, kind).titled(LIGHT).to_dict() for _ in range(2))
    assert json.dumps(one) == json.dumps(other)


@pytest.mark.parametrize("kind", CHARTS)
def test_every_chart_has_a_method_in_python(kind: str) -> None:
    source = reference("combinations")
    assert isinstance(getattr(Plots(source.folder), kind)(), alt.LayerChart)


def test_scores_are_means_with_intervals(lora_rank: Source) -> None:
    figure = draw(lora_rank, "scores", y="dev_loss")
    for group in lora_rank.groups:
        (entry,) = (entry for entry in figure.records if entry["id"] == group.setting_id)
        summary = summarize([row["dev_loss"] for row in group.rows])
        assert (entry["mean"], entry["low"], entry["high"], entry["n"]) == (
            summary.mean,
            summary.low,
            summary.high,
            summary.n,
        )
    means = [entry["mean"] for entry in figure.records]
    assert means == sorted(means)


def test_curves_start_at_the_base_model_and_end_at_the_score(lora_rank: Source) -> None:
    figure = draw(lora_rank, "curves", by="lora.scale")
    for group in lora_rank.groups:
        curve = {entry["epoch"]: entry["mean"] for entry in figure.records if entry["id"] == group.setting_id}
        assert sorted(curve) == list(range(11))
        assert curve[10] == group.summary("dev_loss").mean
        assert curve[0] == pytest.approx(group.first["base_dev_loss"])
    assert {entry["level"] for entry in figure.records} == {"1", "2"}


def test_a_slice_holds_each_configuration_once(lora_rank: Source) -> None:
    figure = draw(lora_rank, "slice", x="lora.dropout")
    assert {(entry["id"], entry["score"]) for entry in figure.records} == {
        (group.setting_id, group.summary("chrf").mean) for group in lora_rank.groups
    }


def test_parallel_axes_place_values_in_order(lora_rank: Source) -> None:
    figure = draw(lora_rank, "parallel")
    ranks = {entry["text"]: entry["place"] for entry in figure.records if entry["axis"] == "lora.rank"}
    assert ranks == {"2": 0.0, "4": 0.2, "8": 0.4, "16": 0.6, "32": 0.8, "64": 1.0}
    best = max((e for e in figure.records if e["axis"] == "chrf"), key=lambda e: e["place"])
    assert (best["place"], best["fifth"]) == (1.0, 1)


@pytest.mark.parametrize("larger", [True, False])
def test_the_front_is_what_nothing_dominates(larger: bool) -> None:
    generator = random.Random(0)
    for _ in range(200):
        records = [
            {"cost": generator.randint(0, 5), "score": generator.randint(0, 5)} for _ in range(generator.randint(1, 9))
        ]
        mark_front(records, larger)
        sign = 1 if larger else -1
        front = {(one["cost"], one["score"]) for one in records if one["front"]}
        undominated = {
            (one["cost"], one["score"])
            for one in records
            if not any(
                other["cost"] <= one["cost"]
                and sign * other["score"] >= sign * one["score"]
                and (other["cost"], other["score"]) != (one["cost"], one["score"])
                for other in records
            )
        }
        assert front == undominated


def test_lanes_never_overlap() -> None:
    generator = random.Random(0)
    starts = sorted(generator.uniform(0, 100) for _ in range(300))
    bars = [
        {"trial_id": str(n), "start": start, "stop": start + generator.uniform(0, 9)} for n, start in enumerate(starts)
    ]
    placed = in_lanes(bars)
    for lane in {bar["lane"] for bar in placed}:
        own = [bar for bar in placed if bar["lane"] == lane]
        assert all(one["stop"] <= other["start"] + 0.01 for one, other in itertools.pairwise(own))
    busiest = max(sum(bar["start"] <= at < bar["stop"] for bar in bars) for at in starts)
    assert len({bar["lane"] for bar in placed}) == busiest


def test_the_timeline_has_every_trial(lora_rank: Source) -> None:
    figure = draw(lora_rank, "timeline")
    plan = full_plan(lora_rank.folder.spec, lora_rank.state)
    trained = {point.trial_id for point in (*plan.points, *plan.baselines)}
    assert {bar["trial_id"] for bar in figure.records if bar["end"] == "COMPLETED"} == trained


@pytest.mark.parametrize(
    ("kind", "options", "named"),
    [
        ("scores", {"y": "bleu"}, "--y bleu: unknown. Known: chrf, chrf_new, dev_loss, best_dev_loss"),
        ("slice", {"x": "lr"}, "--x lr: not a setting that varies in this run. Known: lora.rank, lora.scale"),
        ("curves", {"by": "seed"}, "--by seed: not a setting that varies"),
        ("cost", {"x": "price"}, "--x price: unknown. Known: train_seconds, trainable_share, peak_memory_bytes"),
    ],
)
def test_unknown_names_are_refused(lora_rank: Source, kind: str, options: dict[str, str], named: str) -> None:
    with pytest.raises(RunError, match=named.replace("--", "")):
        draw(lora_rank, kind, **options)


def test_an_unknown_kind_is_refused() -> None:
    with pytest.raises(UsageError, match="unknown chart 'curve': did you mean 'curves'"):
        find_chart("curve")


@pytest.mark.parametrize("palette", [LIGHT, DARK])
def test_colours_stand_out_from_the_paper(palette: Palette) -> None:
    """Graphics have a contrast of at least 3 : 1, texts of 4.5 : 1 (WCAG 2.2, criteria 1.4.11 and 1.4.3)."""
    for colour in (palette.best, palette.other, palette.worse, palette.accent, *palette.series, *palette.ramp):
        assert _contrast(colour, palette.paper) >= 3
    for colour in (palette.ink, palette.muted):
        assert _contrast(colour, palette.paper) >= 4.5


def test_the_page_refers_to_every_colour() -> None:
    assert PAGE.ink == "var(--ink)"
    assert PAGE.series[1] == "var(--series-2)"
    assert set(PAGE.variables()) == set(LIGHT.variables()) == set(DARK.variables())


def _contrast(one: str, other: str) -> float:
    lights = sorted(_luminance(colour) for colour in (one, other))
    return (lights[1] + 0.05) / (lights[0] + 0.05)


def _luminance(colour: str) -> float:
    """Return the relative luminance of an sRGB colour (WCAG 2.2)."""
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.04045 else math.pow((part + 0.055) / 1.055, 2.4) for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def test_a_chart_in_python_is_that_of_the_command(lora_rank: Source, tmp_path: Path) -> None:
    chart = Plots(lora_rank.folder).slice("lora.rank")
    assert chart.to_dict() == draw(lora_rank, "slice", x="lora.rank").titled(LIGHT).to_dict()


def test_cached_rows_have_no_curve_and_the_sentence_says_so(lora_rank: Source) -> None:
    rows = [{**row, "cached_from": "other" if row["seed"] == 0 else None} for row in lora_rank.rows]
    own = [row for row in rows if not row["cached_from"]]
    trials = {row["trial_id"] for row in own}
    state = replace(
        lora_rank.state,
        trials={name: trial for name, trial in lora_rank.state.trials.items() if name in trials},
        scores={row["point_id"]: lora_rank.state.scores[row["point_id"]] for row in own},
    )
    figure = draw(Source(lora_rank.folder, state, Study(rows)), "curves")
    assert "24 rows that came from earlier runs (column cached_from) have no curve here." in figure.sentence
    assert {point["n"] for point in figure.records} == {5}


def test_options_that_a_chart_does_not_take_are_refused() -> None:
    arguments = ["plot", "lora_rank", "timeline", "--y", "chrf", "--out", str(REFERENCE)]
    result = CliRunner().invoke(main, arguments)
    assert (result.exit_code, result.stderr) == (2, "Error: --y: the chart timeline does not take it\n")

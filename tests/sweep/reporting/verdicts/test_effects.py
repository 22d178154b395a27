"""Effects of settings: grids, drawn searches, methods."""

import numpy as np
import pytest

from sweep.errors import RunError
from sweep.reporting.verdicts.ablation import ablation
from sweep.reporting.verdicts.effects import effects
from sweep.reporting.verdicts.effects_text import effects_text
from sweep.reporting.verdicts.groups import groups_of
from sweep.statistics.factors import anova
from sweep.statistics.verdict import judge
from tests.sweep.made_up import row


def grid(seeds: int, noise: float = 0.3, decodings: int = 1) -> list:
    """Rank adds up to 2, the rate nothing; each decoding adds 1; noise belongs to the trial."""
    generator = np.random.default_rng(0)
    found = []
    for rank in (2, 8, 32):
        for lr in (0.1, 0.2):
            for seed in range(seeds):
                trial = 40 + {2: 0.0, 8: 1.0, 32: 2.0}[rank] + generator.normal(0, noise)
                for place in range(decodings):
                    decode = {"decode.top_p": 0.5 + 0.1 * place} if decodings > 1 else {}
                    score = trial + place + generator.normal(0, 0.05)
                    found.append(row({"lora.rank": rank, "lr": lr, **decode}, seed, chrf=score, dev_loss=3.0))
    return found


def test_the_table_of_a_grid_is_the_analysis_of_variance() -> None:
    rows = grid(4)
    (part,) = effects(rows, "chrf").parts
    levels = {name: [one[name] for one in rows] for name in ("lr", "lora.rank")}
    assert part.table == anova([one["chrf"] for one in rows], levels, [one["seed"] for one in rows])
    by_name = {term.name: term for term in part.table.terms}
    assert by_name["lora.rank"].adjusted < 0.001
    assert by_name["lr"].adjusted > 0.05


def test_levels_are_compared_with_the_smallest_value() -> None:
    (part,) = effects(grid(4), "chrf").parts
    found = {(one.factor, one.level): one for one in part.levels}
    assert found["lora.rank", 32].reference == 2
    assert list(found) == [("lr", 0.2), ("lora.rank", 8), ("lora.rank", 32)]
    assert found["lora.rank", 32].low > 1.0
    assert found["lora.rank", 32].mean == pytest.approx(2, abs=0.5)


def test_levels_that_vary_together_are_not_compared() -> None:
    rows = [one for one in grid(4) if (one["lora.rank"], one["lr"]) != (32, 0.2)]
    (part,) = effects(rows, "chrf").parts
    assert part.levels == ()
    assert part.note.startswith("not a full grid: 5 of 6 combinations of these settings were run")
    assert effects(grid(4), "chrf").parts[0].note == ""


def test_rows_of_one_trial_are_no_independent_evidence() -> None:
    """Without averaging, ten decodings of each trial make trial noise look like an effect of the rate."""
    training, decoding = effects(grid(4, decodings=10), "chrf").parts
    assert (training.title, decoding.title) == ("training", "decoding")
    assert training.table.error_df == 6 * 4 - 3 - 6  # seeds, terms with the mean: 24 trials, not 240 rows
    assert {term.name: term for term in training.table.terms}["lr"].adjusted > 0.05
    assert {term.name: term for term in decoding.table.terms}["decode.top_p"].adjusted < 1e-6


def test_one_seed_gives_shares_alone() -> None:
    (part,) = effects(grid(1), "chrf").parts
    assert all(term.p is None for term in part.table.terms)
    assert part.levels == ()
    assert part.note.startswith("one seed: shares only")


def test_a_drawn_search_gets_importances() -> None:
    generator = np.random.default_rng(3)
    rows = [
        row({"lr": float(lr), "lora.rank": int(rank)}, 0, chrf=40 - 9 * abs(lr - 0.4), dev_loss=3.0)
        for lr, rank in zip(generator.random(80), generator.integers(1, 64, 80), strict=True)
    ]
    found = effects(rows, "chrf", search="random")
    assert found.parts == ()
    assert [one.axis for one in found.drawn.axes if one.above_noise] == ["lr"]
    assert "In pure noise, the largest importance stays below" in effects_text(found, [], [], "text")


def test_a_random_search_shows_what_more_points_buy() -> None:
    rows = [row({"lr": place / 30}, 0, chrf=40 + place, dev_loss=3.0) for place in range(30)]
    text = effects_text(effects(rows, "chrf", search="random"), [], [], "text")
    assert "| 1 | 54.0 |" in text  # the median of 40 to 69
    assert "| 30 | 69.0 | 6" in text
    assert effects(rows, "chrf", search="tpe").curve is None  # TPE's points are not independent


def test_sources_of_noise() -> None:
    generator = np.random.default_rng(5)
    rows = [
        row(
            {"lora.rank": rank, "decode.repeats": 4},
            seed,
            chrf=40 + generator.normal(0, 1),
            chrf_draw_sd=0.5,
            dev_loss=3.0,
        )
        for rank in (2, 8, 32, 64)
        for seed in range(6)
    ]
    noise, worth = effects(rows, "chrf").noise
    assert noise.startswith("noise of one chrf: sd ")
    assert noise.endswith("between sampling draws of one trial")
    assert "sd 0.50 [" in noise
    assert worth.startswith("8 more draws per trial would be worth 0.")


def test_a_score_without_draws_has_one_source_of_noise() -> None:
    """The dev loss is not drawn, also where texts are drawn several times."""
    rows = [
        row(
            {"decode.repeats": 8, "lr": lr},
            seed,
            chrf=40.0 + seed % 3,
            chrf_draw_sd=0.3,
            dev_loss=4.0 + lr * (seed % 2),
        )
        for lr in (0.1, 0.2, 0.3)
        for seed in range(12)
    ]
    (line,) = effects(rows, "dev_loss").noise
    assert line.startswith("noise of one dev_loss: sd 0.11 [")
    assert line.endswith("] between seeds")
    assert len(effects(rows, "chrf").noise) > 1


def test_few_drawn_points_are_refused() -> None:
    found = effects(grid(1), "chrf", search="random")
    assert found.drawn is None
    assert found.drawn_refused.startswith("importances need 20 points")


def test_only_the_longest_trials_are_compared() -> None:
    rows = [*grid(2), *({**one, "epochs_budget": 1, "chrf": 0.0} for one in grid(2))]
    assert effects(rows, "chrf") == effects(grid(2), "chrf")


def test_runs_without_scores_or_axes_are_refused() -> None:
    with pytest.raises(RunError, match="no row has a chrf yet"):
        effects([row({}, 0)], "chrf")
    with pytest.raises(RunError, match="no setting varies"):
        effects([row({}, seed, chrf=1.0) for seed in (0, 1)], "chrf")


LORA, SMART, SOAP = {"lora.rank": 2}, {"smart.lam": 0.1}, {"optimizer": "soap"}
GAINS = {"LoRA": 1.0, "SMART": 0.5, "SOAP": 2.0}


def methods() -> list:
    """Every combination of the three methods; gains add up, but LoRA and SOAP together lose 1.5."""
    generator = np.random.default_rng(4)
    found = []
    for number in range(8):
        on = {name: settings for bit, (name, settings) in enumerate(zip(GAINS, (LORA, SMART, SOAP), strict=True))
              if number >> bit & 1}  # fmt: skip
        gain = sum(GAINS[name] for name in on) - 1.5 * ({"LoRA", "SOAP"} <= set(on))
        merged = {key: value for settings in on.values() for key, value in settings.items()}
        found += [row(merged, seed, chrf=40 + gain + generator.normal(0, 0.05), dev_loss=3.0) for seed in range(6)]
    return found


def test_methods_are_added_one_by_one() -> None:
    parts = ablation(groups_of(methods()), "chrf")
    verdicts = {one.name: one for one in judge(parts.additions(), larger_is_better=True)}
    assert len(verdicts) == 12
    assert verdicts["SOAP - no method"].mean == pytest.approx(2.0, abs=0.1)
    assert verdicts["LoRA + SOAP - SOAP"].mean == pytest.approx(-0.5, abs=0.1)
    assert verdicts["LoRA + SMART + SOAP - LoRA + SOAP"].word == "better"


def test_interactions_tell_whether_gains_add_up() -> None:
    parts = ablation(groups_of(methods()), "chrf")
    verdicts = {one.name: one for one in judge(parts.interactions(), larger_is_better=True)}
    assert len(verdicts) == 6
    assert verdicts["LoRA x SOAP"].mean == pytest.approx(-1.5, abs=0.15)
    assert verdicts["LoRA x SOAP"].word == "worse"
    assert verdicts["LoRA x SOAP beside SMART"].mean == pytest.approx(-1.5, abs=0.15)
    assert verdicts["LoRA x SMART"].mean == pytest.approx(0, abs=0.1)


def scored(settings: dict, score: float) -> list:
    return [row(settings, seed, chrf=score + seed / 10, dev_loss=3.0) for seed in range(3)]


def additions(*rows: list) -> dict:
    parts = ablation(groups_of([one for group in rows for one in group]), "chrf")
    return {one.name: one for one in judge(parts.additions(), larger_is_better=True)}


def test_only_configurations_that_decode_alike_are_compared() -> None:
    """LoRA adds 1 at equal decoding; the worse decodings of the plain model do not count for it."""
    nucleus, top_k = {"decode.top_p": 0.9}, {"decode.top_k": 4}
    found = additions(
        scored(nucleus, 40.0), scored(LORA | nucleus, 41.0), scored(top_k, 30.0), scored(SMART | top_k, 29.0)
    )
    assert found["LoRA - no method"].mean == pytest.approx(1.0)
    assert found["top_k=4 - no method"].mean == pytest.approx(-10.0)
    assert found["SMART + top_k=4 - top_k=4"].mean == pytest.approx(-1.0)
    assert len(found) == 3


def test_the_usual_decoding_is_the_most_common_one() -> None:
    nucleus = {"decode.top_p": 0.9}
    found = additions(scored(SOAP, 41.0), scored(nucleus, 40.0), scored(SOAP | nucleus, 39.0))
    assert found["SOAP - no method"].mean == pytest.approx(-1.0)
    assert found["SOAP + no top_p - SOAP"].mean == pytest.approx(2.0)


def test_other_differences_are_named_and_kept_few() -> None:
    found = additions(
        scored({"lr": 0.1}, 40.0),
        scored({"lr": 0.2, "batch_size": 4}, 20.0),
        scored(SOAP | {"lr": 0.3}, 42.0),
    )
    assert list(found) == ["SOAP - no method (also differs: lr)"]
    assert found["SOAP - no method (also differs: lr)"].mean == pytest.approx(2.0)


def test_several_pairs_are_averaged_by_seed() -> None:
    found = additions(scored({}, 40.0), scored({"lora.rank": 2}, 41.0), scored({"lora.rank": 8}, 44.0))
    assert found["LoRA - no method (mean of 2 pairs)"].mean == pytest.approx(2.5)


def test_a_grid_of_decodings_is_no_list_of_methods() -> None:
    decodings = [{"decode.top_k": k} for k in range(1, 12)]
    rows = [
        scored(settings | decoding, score) for decoding in decodings for settings, score in (({}, 40.0), (LORA, 41.0))
    ]
    assert list(additions(*rows)) == ["LoRA - no method (mean of 11 pairs)"]

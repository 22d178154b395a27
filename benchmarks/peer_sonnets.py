"""Two sonnet studies as a competent user would write them: with Ray Tune, transformers, peft and sacrebleu.

rank       the LoRA rank grid: 24 points, each trained and scored once
decoding   a sample of the decoding grid: 28 of its 204 points, each trained from scratch

`benchmarks/peer_grid.py` measures this project against it; `benchmarks/peer_training.py` computes one point.
"""

import argparse
import itertools
import os
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from benchmarks.peer_training import BEAMS, SAMPLING, Examples, base, compute, examples

Point = dict[str, Any]

RANKS = {"rank": (2, 4, 8, 16, 32, 64), "scale": (1.0, 2.0), "dropout": (0.05, 0.1)}
RANK_TRAINING = {"epochs": 10, "batch_size": 8, "lr": 1e-3, "decoding": {**SAMPLING, "top_p": 0.9}}
TRAININGS = {"lr": (1e-4, 1e-3), "epochs": (1, 2, 4), "batch_size": (8, 16)}
DECODINGS: Sequence[Mapping[str, Any]] = (
    *({**SAMPLING, "top_p": p} for p in (0.9, 0.93, 0.94, 0.95, 0.97, 0.98)),
    *({**SAMPLING, "top_k": k} for k in (1, 3, 4, 5, 10, 20)),
    *({**BEAMS, "num_beams": n} for n in (1, 3, 5)),
    *({**SAMPLING, "top_p": 0.98, "num_return_sequences": n} for n in (3, 5)),
)


def product(axes: Mapping[str, Sequence[Any]]) -> Iterator[Point]:
    return (dict(zip(axes, values, strict=True)) for values in itertools.product(*axes.values()))


def rank_grid(precision: str = "fp32") -> list[Point]:
    """Return the 24 points of the LoRA rank grid."""
    return [{**RANK_TRAINING, **point, "precision": precision} for point in product(RANKS)]


def decoding_sample(precision: str = "fp32") -> list[Point]:
    """Return a sample of the decoding grid; `weight` is the number of the grid's points that each one stands for.

    In a grid of T trainings and D decodings, each training has D points and each decoding has T. The weights have the
    same sums. So if a point takes the seconds of its training plus those of its decoding, the weighted sum over the
    sample is that of the grid. Points with small weights come first, because a worker's first point takes longer.
    """
    trainings = list(product(TRAININGS))
    weights = Counter((place // len(DECODINGS), place // len(trainings)) for place in range(grid_size()))
    return [
        {**trainings[training], "decoding": DECODINGS[decoding], "weight": weight, "precision": precision}
        for (training, decoding), weight in sorted(weights.items(), key=lambda item: item[1])
    ]


def grid_size() -> int:
    """Return the number of points of the decoding grid."""
    return len(DECODINGS) * len(list(product(TRAININGS)))


def trial(config: Mapping[str, Any], data: Examples) -> None:
    """Compute a point in a Ray worker, which keeps the base in memory for later points."""
    from ray import tune

    base()
    started = time.perf_counter()
    scores = compute(config["point"], data)
    tune.report({**scores, "seconds": time.perf_counter() - started})


def run(points: Sequence[Point], folder: Path) -> pd.DataFrame:
    """Compute `points` in as many workers as Ray has cores; return a row for each, the best chrF first.

    Raise RuntimeError if a trial fails.
    """
    import ray
    from ray import tune

    trainable = tune.with_resources(tune.with_parameters(trial, data=examples()), {"cpu": 1})
    results = tune.Tuner(
        trainable,
        param_space={"point": tune.grid_search(list(points))},
        tune_config=tune.TuneConfig(reuse_actors=True),
        run_config=tune.RunConfig(storage_path=str(folder), verbose=0),
    ).fit()
    if results.errors:
        raise RuntimeError(f"{len(results.errors)} of {len(points)} trials failed") from results.errors[0]
    rows = [
        {**result.config["point"], **{name: result.metrics[name] for name in ("dev_loss", "chrf", "seconds")}}
        for result in results
    ]
    table = pd.DataFrame(rows).assign(workers=int(ray.cluster_resources()["CPU"]))
    return table.sort_values("chrf", ascending=False)


def main(study: str, precision: str, out: Path | None = None) -> None:
    """Print the table of a study; write it to `out` as CSV, too, if given."""
    points = {"rank": rank_grid, "decoding": decoding_sample}[study](precision)
    os.environ |= {"RAY_USAGE_STATS_ENABLED": "0", "TUNE_DISABLE_AUTO_CALLBACK_LOGGERS": "1"}
    import ray  # reads the environment when it is imported, so no module here imports it at the top

    started = ray.init(include_dashboard=False, log_to_driver=False, logging_level="error")
    with started, tempfile.TemporaryDirectory() as folder:
        table = run(points, Path(folder))
    print(table.to_string(index=False))
    if out is not None:
        table.to_csv(out, index=False)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("study", choices=["rank", "decoding"])
    parser.add_argument("--precision", choices=["fp32", "bf16"], default="fp32")
    parser.add_argument("--out", type=Path)
    arguments = parser.parse_args()
    main(arguments.study, arguments.precision, arguments.out)

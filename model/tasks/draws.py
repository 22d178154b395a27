"""Scores over several draws of generated text."""

from collections.abc import Sequence
from statistics import fmean, stdev

from model.tasks import Evaluation

SD_SUFFIX = "_draw_sd"


def over_draws(draws: Sequence[Evaluation]) -> Evaluation:
    """Return the mean of each metric over the `draws` and, as `<metric>_draw_sd`, its sample standard deviation.

    The samples are those of all draws, with the number of their draw, counted from 0, as `draw`. A single draw is
    returned as it is.
    """
    if len(draws) == 1:
        return draws[0]
    values = {name: [draw.metrics[name] for draw in draws] for name in draws[0].metrics}
    means = {name: fmean(scores) for name, scores in values.items()}
    sds = {f"{name}{SD_SUFFIX}": stdev(scores) for name, scores in values.items()}
    samples = [{"draw": number, **sample} for number, draw in enumerate(draws) for sample in draw.samples]
    return Evaluation({**means, **sds}, samples)

"""Hyperparameter search for GPT-2 fine-tuning: a search space file goes in, an honest leaderboard comes out."""

from sweep.planning.axes import choice, grid, loguniform, quniform, randint, uniform
from sweep.planning.space import Space

__all__ = ["Space", "choice", "grid", "loguniform", "quniform", "randint", "uniform"]

"""Hyperparameter search for GPT-2 fine-tuning: a search space file goes in, an honest leaderboard comes out."""

from sweep.axes import choice, grid, loguniform, quniform, randint, uniform
from sweep.space import Space

__all__ = ["Space", "choice", "grid", "loguniform", "quniform", "randint", "uniform"]

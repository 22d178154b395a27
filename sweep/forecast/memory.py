"""Which trials need the most GPU memory: by their shapes, without loading weights.

The sums rank trials; they are no forecast. What the heaviest needs is measured.
"""

import math
from collections.abc import Sequence

from model.config import DecodeConfig, TrainConfig
from model.gpt2_config import GPT2Config
from model.pretrained.files import find_base, read_config
from model.specs import FLOAT_BYTES
from sweep.forecast.sizes import sizes
from sweep.planning.plan import Point, Trial
from sweep.planning.provenance import Provenance

BLOCK_WIDTHS = 8  # outputs that a block keeps for the backward pass, in widths
MLP_WIDTHS = 2  # and in widths of the MLP
ATTENTION_MAPS = 3  # (head, query, key) maps that attention keeps if it drops weights; the fused kernel keeps none


def heaviest_points(trials: Sequence[Trial], provenance: Provenance) -> list[Point]:
    """Return a point of the trial whose training needs the most memory, and the point whose decoding does, each once.

    A point of the same trial stands for both if it can.
    """
    points = [point for trial in trials for point in trial.points]
    training = max(points, key=lambda point: (_training(point, provenance), _decoding(point, provenance)))
    decoding = max(points, key=lambda point: (_decoding(point, provenance), _training(point, provenance)))
    return list(dict.fromkeys((training, decoding)))


def _training(point: Point, provenance: Provenance) -> int:
    """Return about how many bytes training needs."""
    config, base = point.train, _shape(point, provenance)
    known = sizes(config, provenance.base(point).revision)
    if not config.epochs:
        return FLOAT_BYTES * known.total_params
    tokens = config.batch_size * base.n_positions
    passes = 2 if config.smart else 1  # graphs that are kept at once: the clean and the perturbed one
    kept = passes * _activations(config, base, tokens)
    distributions = tokens * base.vocab_size if config.smart else 0
    return known.resumable_bytes + FLOAT_BYTES * (known.total_params + known.trainable_params + kept + distributions)


def _activations(config: TrainConfig, base: GPT2Config, tokens: int) -> int:
    """Return how many numbers one forward pass keeps for the backward pass."""
    dropout = base.attn_pdrop if config.dropout is None else config.dropout
    maps = ATTENTION_MAPS * base.n_head * base.n_positions if dropout else 0
    return tokens * base.n_layer * (BLOCK_WIDTHS * base.n_embd + MLP_WIDTHS * base.mlp_width + maps)


def _decoding(point: Point, provenance: Provenance) -> int:
    """Return about how many bytes decoding needs for each prompt: keys, values and the logits of all its rows."""
    if point.decode is None:
        return 0
    base = _shape(point, provenance)
    numbers = 2 * base.n_layer * base.n_embd * base.n_positions + base.vocab_size
    return FLOAT_BYTES * _rows(point.decode) * numbers


def _rows(decode: DecodeConfig) -> int:
    """Return the texts that grow at once from each prompt."""
    return math.prod((decode.beams or 1, decode.generations or 1, decode.repeats or 1))


def _shape(point: Point, provenance: Provenance) -> GPT2Config:
    return read_config(find_base(point.train.base, provenance.base(point).revision))

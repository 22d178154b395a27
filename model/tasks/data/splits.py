"""Split rows into train, dev and test by a seeded hash of their texts.

The split of a row depends on the texts and labels of the rows and on the seed alone: neither the order of the rows nor
the format of the file changes it. Rows with equal texts are always in the same split, and every class has the same
share of each split, as far as whole numbers allow.
"""

import hashlib
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TypeVar

from model.errors import DataError

SHARES = re.compile(r"\s*(dev|test)\s*=\s*(0?\.\d+|0)\s*")
DRAWN = "dev=0.1,test=0.1"  # what is drawn if a file has no splits
Texts = tuple[str, ...]
K = TypeVar("K")


def parse_shares(text: str) -> dict[str, float] | None:
    """Return the shares in `dev=0.1,test=0.1`, or None if `text` is something else. Raise DataError if not possible."""
    parts = [SHARES.fullmatch(part) for part in text.split(",")]
    found = {part[1]: float(part[2]) for part in parts if part is not None}
    if None in parts:
        if "=" in text:
            raise DataError(f"data.split={text}: write the shares of dev and test, such as {DRAWN}")
        return None
    if len(found) < len(parts) or not found.get("dev") or sum(found.values()) >= 1:
        raise DataError(f"data.split={text}: dev needs a share, and train what is left of 1; write for example {DRAWN}")
    return found


def draw_splits(rows: Mapping[Texts, str], shares: Mapping[str, float], seed: int) -> dict[Texts, str]:
    """Return the split of each key of `rows`, which maps the texts of a row to its class ("" if there are none).

    Raise DataError if there are too few different texts for a row in each split.
    """
    wanted = [split for split, share in shares.items() if share]
    if len(rows) <= len(wanted):
        raise DataError(
            f"{len(rows)} different texts are too few to draw {' and '.join(wanted)} from; add rows, or give the splits"
        )
    strata: dict[str, list[Texts]] = {}
    for texts, name in rows.items():
        strata.setdefault(name, []).append(texts)
    for members in strata.values():
        members.sort(key=lambda texts: (_hash(texts, seed), texts))
    sizes = {name: len(members) for name, members in strata.items()}
    found = dict.fromkeys(rows, "train")
    taken: Counter[str] = Counter()
    for split in wanted:
        for name, count in _counts(sizes, taken, shares[split], seed).items():
            for texts in strata[name][taken[name] : taken[name] + count]:
                found[texts] = split
            taken[name] += count
    return found


def classes_of_texts(texts: Sequence[Texts], labels: Sequence[str]) -> dict[Texts, str]:
    """Return the class of each text: the first by name, if equal texts have several."""
    found: dict[Texts, str] = {}
    for key, label in zip(texts, labels, strict=True):
        found[key] = min(found.get(key, label), label)
    return found


def _counts(sizes: Mapping[str, int], taken: Mapping[str, int], share: float, seed: int) -> dict[str, int]:
    """Return how many texts of each class are drawn: `share` of them, by largest remainders, at least one of all.

    The last texts of a class stay in train, unless no class could give one then.
    """
    total = max(1, round(share * sum(sizes.values())))
    counts = {name: int(share * size) for name, size in sizes.items()}
    order = sorted(sizes, key=lambda name: (-(share * sizes[name] % 1), _hash((name,), seed), name))
    for least in (1, 0):  # texts of a class that stay in train
        for name in order:
            if sum(counts.values()) < total and counts[name] + taken[name] < sizes[name] - least:
                counts[name] += 1
    return counts


def _hash(texts: Texts, seed: int) -> bytes:
    digest = hashlib.blake2b(digest_size=8, key=str(seed).encode())
    for text in texts:
        raw = text.encode("utf-8", "surrogatepass")
        digest.update(len(raw).to_bytes(8, "big") + raw)
    return digest.digest()

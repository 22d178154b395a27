"""Command line: `python -m tools.datasets --out FOLDER`."""

import argparse
from collections.abc import Iterable
from pathlib import Path

from tools.datasets.baselines import paraphrase_baselines, sentiment_baselines
from tools.datasets.questions import question_pairs
from tools.datasets.reviews import reviews
from tools.datasets.verdicts import verdicts

SEED = 7


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tools.datasets", description=__doc__)
    parser.add_argument("--out", type=Path, required=True, help="folder to write paraphrase/ and sentiment/ to")
    parser.add_argument("--baselines", action="store_true", help="also print the accuracy of word-count baselines")
    arguments = parser.parse_args()
    for path, table in tables().items():
        file = arguments.out / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(table, encoding="utf-8", newline="")
        print(file)
    if arguments.baselines:
        print_baselines()


def print_baselines() -> None:
    """Print the accuracy of every baseline on every data set and split."""
    sets = {
        "paraphrase": paraphrase_baselines(question_pairs(SEED)),
        "reviews": sentiment_baselines(reviews(SEED)),
        "verdicts": sentiment_baselines(verdicts(SEED)),
    }
    for name, splits in sets.items():
        for split, scores in splits.items():
            print(name, split, ", ".join(f"{rule} {score:.3f}" for rule, score in scores.items()))


def tables() -> dict[str, str]:
    """Return the contents of every file, keyed by its path, in the course's format."""
    out = {}
    for split, pairs in question_pairs(SEED).items():
        asked = [(pair.first, pair.second, float(pair.same)) for pair in pairs]
        out[f"paraphrase/{split}.tsv"] = _table(("sentence1", "sentence2", "is_duplicate"), split, asked)
    for name, write in (("reviews", reviews), ("verdicts", verdicts)):
        for split, texts in write(SEED).items():
            rated = [(text.text, text.label) for text in texts]
            out[f"sentiment/{name}/{split}.tsv"] = _table(("sentence", "sentiment"), split, rated)
    return out


def _table(columns: tuple[str, ...], split: str, rows: Iterable[tuple[object, ...]]) -> str:
    """Return `rows` as tab-separated text, each preceded by its number and an id."""
    lines = [("", "id", *columns)]
    lines += [(str(number), f"{split}-{number}", *map(str, row)) for number, row in enumerate(rows)]
    return "".join("\t".join(line) + "\n" for line in lines)


if __name__ == "__main__":
    main()

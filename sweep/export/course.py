"""The files that the course CS224N (Stanford; default final project, "Build GPT-2") asks for, as its own code has them.

Predicted classes: `test_paraphrase` and `test` in the course's paraphrase_detection.py and classifier.py. Sonnets:
`generate_submission_sonnets` in sonnet_generation.py, whose file `test_sonnet` in evaluation.py scores; for example
https://github.com/ziyiw23/public_cs224n_gpt at commit 0102aef.
"""

from collections.abc import Iterator
from pathlib import Path

from model.errors import DataError
from model.tasks.data.formats import explained, opened
from model.tasks.data.sonnets import NUMBER, PROMPT_LINES
from sweep.export.prediction_file import Prediction, TextFormat


def _class_entry(prediction: Prediction) -> str:
    return f"{prediction.id}, {prediction.found['predicted']} \n"


def _sonnet_entry(prediction: Prediction) -> str:
    """Return a sonnet with its number before it, given and generated lines together."""
    return f"\n{prediction.id}\n{prediction.texts['prompt']}{prediction.found['generated']}\n\n"


SONNETS = "sonnets"
COURSE = {  # by task
    "paraphrase": TextFormat("id \t Predicted_Is_Paraphrase \n", _class_entry),
    "sentiment": TextFormat("id \t Predicted_Sentiment \n", _class_entry),
    SONNETS: TextFormat("--Generated Sonnets-- \n\n", _sonnet_entry),
}


def held_out_sonnets(path: Path) -> Iterator[tuple[int, tuple[str]]]:
    """Yield the number and the first lines of each sonnet in the course's file of held-out sonnets.

    Numbers count from 0 in the order of the file, as the course's code does. In the file, a line with a number begins
    each sonnet, and the lines before the first number are a header. Raise DataError if there is no such sonnet.
    """
    with explained(path), opened(path, newline=None) as file:
        lines = [line.strip() for line in file]
    starts = [place for place, line in enumerate(lines) if NUMBER.fullmatch(line)]
    if not starts:
        raise DataError(f"{path} holds no numbered sonnet; give the course's file, such as sonnets_held_out.txt")
    for number, (start, end) in enumerate(zip(starts, [*starts[1:], len(lines)], strict=True)):
        given = [line for line in lines[start + 1 : end] if line][:PROMPT_LINES]
        if not given:
            raise DataError(
                f"{path} line {start + 1}: no line follows the number {lines[start]}; add the sonnet's lines"
            )
        yield number, ("\n".join(given) + "\n",)

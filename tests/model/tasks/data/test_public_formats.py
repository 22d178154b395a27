"""The formats of public data files that nobody here wrote, with texts of our own: read, or refused in one line."""

import gzip
import json
import resource
from pathlib import Path

import pytest

from model.data_settings import DataSettings
from model.errors import DataError
from model.tasks import find_data
from model.tasks.data.dataset import Dataset

COUNT = 30


def load(task: str, path: Path, **settings: str) -> Dataset:
    data = find_data(task, str(path), DataSettings(**settings))  # type: ignore[arg-type]
    data.sha256()
    return data.dataset  # type: ignore[attr-defined, no-any-return]


def texts(found: Dataset) -> set[tuple[str, ...]]:
    return {texts for rows in found.splits.values() for texts in rows.texts}


def test_film_reviews_with_tags_and_quotes(tmp_path: Path) -> None:
    """IMDB Dataset.csv of Kaggle: review,sentiment; break tags, doubled quotation marks, CRLF."""
    path = tmp_path / "IMDB Dataset.csv"
    rows = [
        f'"Act {n}.<br /><br />He said ""wait"", and left.",{"positive" if n % 2 else "negative"}' for n in range(COUNT)
    ]
    path.write_text("\r\n".join(["review,sentiment", *rows]), newline="")
    found = load("classification", path)
    assert found.classes == ("negative", "positive")
    assert ('Act 7.<br /><br />He said "wait", and left.',) in texts(found)


def test_clothing_reviews_with_empty_cells_and_line_breaks(tmp_path: Path) -> None:
    """Women's E-Commerce Clothing Reviews: a column without a name, empty titles, texts of several lines."""
    path = tmp_path / "Womens Clothing E-Commerce Reviews.csv"
    header = ",Clothing ID,Age,Title,Review Text,Rating,Recommended IND,Positive Feedback Count,Division Name"
    rows = [f'{n},{n},33,,"Fits well,\n\nsize {n}",{n % 5 + 1},1,0,General' for n in range(COUNT)] + [
        "30,1,40,,,5,1,0,"
    ]
    path.write_text("\n".join([header, *rows]) + "\n")
    found = load("classification", path)
    assert found.columns == {"text": "Review Text", "label": "Rating"}
    assert ("Fits well,\n\nsize 4",) in texts(found)
    assert [warning.partition(": ")[2] for warning in found.warnings] == [
        f"1 rows without text or label are left out, the first: {path} line 92"
    ]


def test_question_pairs_in_quotes_throughout(tmp_path: Path) -> None:
    """train.csv of Quora's question pairs on Kaggle: every field in quotation marks."""
    path = tmp_path / "train.csv"
    rows = [f'"{n}","{2 * n}","{2 * n + 1}","How is ""{n}""?","Why is {n}?","{n % 2}"' for n in range(COUNT)]
    path.write_text("\n".join(['"id","qid1","qid2","question1","question2","is_duplicate"', *rows]))
    found = load("pairs", path)
    assert found.columns == {"text": "question1", "text2": "question2", "label": "is_duplicate"}
    assert ('How is "3"?', "Why is 3?") in texts(found)


def test_news_without_a_header_is_refused(tmp_path: Path) -> None:
    """train.csv of AG News: class, title and description, but no names of columns."""
    path = tmp_path / "train.csv"
    path.write_text("\n".join(f'"{n % 4 + 1}","Title {n}","Something, somewhere {n}"' for n in range(COUNT)))
    with pytest.raises(DataError, match=r"train\.csv line 1: which column holds the text\? It has '1', 'Title 0'"):
        load("classification", path)


def test_messages_in_another_encoding_with_unnamed_columns(tmp_path: Path) -> None:
    """spam.csv of Kaggle: v1,v2 and three columns without names, in Windows' encoding."""
    path = tmp_path / "spam.csv"
    rows = [f'{"spam" if n % 3 else "ham"},"Call {n}, now",,,' for n in range(COUNT)] + ["ham,a pound: £,,,"]
    path.write_bytes("\n".join(["v1,v2,,,", *rows]).encode("cp1252"))
    with pytest.raises(DataError, match=r"spam\.csv line 32 is not UTF-8 text .*; save it as UTF-8"):
        load("classification", path, text="v2", label="v1")
    path.write_text("\n".join(["v1,v2,,,", *rows]))
    assert load("classification", path, text="v2", label="v1").classes == ("ham", "spam")


def test_tweets_with_emoji_and_fifteen_columns(tmp_path: Path) -> None:
    """Tweets.csv of Kaggle's airline sentiment: the label has a name of its own."""
    path = tmp_path / "Tweets.csv"
    header = (
        "tweet_id,airline_sentiment,airline_sentiment_confidence,negativereason,negativereason_confidence,airline,"
        "airline_sentiment_gold,name,negativereason_gold,retweet_count,text,tweet_coord,tweet_created,tweet_location,"
        "user_timezone"
    )
    rows = [
        f'{n},{["neutral", "negative", "positive"][n % 3]},1.0,,,Air,,me,,0,"@Air 🛫👍🏽 nr {n}",,now,,'
        for n in range(COUNT)
    ]
    path.write_text("\n".join([header, *rows]))
    with pytest.raises(DataError, match=r"line 1: which column holds the label\?.*--set data\.label=COLUMN"):
        load("classification", path)
    found = load("classification", path, label="airline_sentiment")
    assert found.classes == ("negative", "neutral", "positive")
    assert ("@Air 🛫👍🏽 nr 4",) in texts(found)


def test_inference_pairs_with_many_fields_and_rows_without_agreement(tmp_path: Path) -> None:
    """snli_1.0_train.jsonl: lists and parses beside the sentences; the label is - where annotators disagree."""
    path = tmp_path / "snli_1.0_train.jsonl"
    labels = ["entailment", "neutral", "contradiction", "-"]
    rows = [
        {
            "annotator_labels": [labels[n % 3]],
            "captionID": f"{n}.jpg",
            "gold_label": labels[n % 4],
            "pairID": str(n),
            "sentence1": f"Someone walks {n} dogs.",
            "sentence1_parse": "(S)",
            "sentence2": "Someone is outside.",
        }
        for n in range(COUNT)
    ]
    path.write_text("\n".join(map(json.dumps, rows)))
    found = load("pairs", path)
    assert found.classes == ("contradiction", "entailment", "neutral")
    assert len(texts(found)) == COUNT - COUNT // 4
    assert "7 rows without text or label are left out" in found.warnings[0]


def test_instructions_in_one_json_list(tmp_path: Path) -> None:
    """alpaca_data.json: a list of instruction, input and output."""
    path = tmp_path / "alpaca_data.json"
    rows = [{"instruction": f"Name {n} birds.", "input": "", "output": f"1. Wren\n{n}. Owl"} for n in range(COUNT)]
    path.write_text(json.dumps(rows, indent=4))
    found = load("completion", path)
    assert found.columns == {"prompt": "instruction", "completion": "output"}
    assert ("Name 9 birds.", "1. Wren\n9. Owl") in texts(found)


def test_related_sentences_with_tabs_and_two_labels(tmp_path: Path) -> None:
    """SICK.txt, renamed to SICK.tsv: a score and a judgment of each pair of sentences."""
    path = tmp_path / "SICK.tsv"
    rows = [f"{n}\tA boy runs {n}\tNobody runs\t3.{n % 10}\t{['NEUTRAL', 'ENTAILMENT'][n % 2]}" for n in range(COUNT)]
    path.write_text("\n".join(["pair_ID\tsentence_A\tsentence_B\trelatedness_score\tentailment_judgment", *rows]))
    with pytest.raises(DataError, match="which column holds the label"):
        load("pairs", path)
    assert load("pairs", path, label="entailment_judgment").classes == ("ENTAILMENT", "NEUTRAL")


def test_tweets_with_semicolons_and_a_byte_order_mark(tmp_path: Path) -> None:
    """Exports of spreadsheets in many European countries: semicolons, a byte order mark, CRLF, mixed labels."""
    path = tmp_path / "export.csv"
    rows = [f"{['1', 'good', '2.0'][n % 3]};So, so {n};2024-01-01" for n in range(COUNT)]
    path.write_text("\r\n".join(["sentiment;text;date", *rows]), encoding="utf-8-sig", newline="")
    assert load("classification", path).classes == ("1", "2", "good")


def test_one_column_and_fifty(tmp_path: Path) -> None:
    """Haiku in a table of one column; a survey with fifty."""
    one, fifty = tmp_path / "haiku.csv", tmp_path / "survey.csv"
    one.write_text("\n".join(["haiku", *(f"pond {n}, a frog, a splash" for n in range(COUNT))]))
    assert ("pond 5, a frog, a splash",) in texts(load("text", one))
    names = [f"q{n}" for n in range(48)]
    rows = [",".join([*("x" * 48), f"Fine {n}", str(n % 2)]) for n in range(COUNT)]
    fifty.write_text("\n".join([",".join([*names, "comment", "class"]), *rows]))
    assert load("classification", fifty).columns == {"text": "comment", "label": "class"}


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_hundred_megabytes(tmp_path: Path) -> None:
    """Compressed, too. Their texts take about as much memory as the file."""
    path = tmp_path / "large.csv.gz"
    line = "The {n} of many words that all say the same, more or less, to fill a line of a file"
    with gzip.open(path, "wt", compresslevel=1) as file:
        file.write("text,label\n")
        for n in range(1_000_000):
            file.write(f'"{line.format(n=n)}, and more",{n % 2}\n')
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    found = load("classification", path)
    assert sum(len(rows.texts) for rows in found.splits.values()) == 1_000_000
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 1_000_000  # KiB

"""The references: what is cited exists, and entries are complete."""

import re
from pathlib import Path

import pytest

from sweep.paper import references
from sweep.paper.references import cite, entries, references_bib

NEEDED = {
    "article": {"author", "title", "journal", "year"},
    "inproceedings": {"author", "title", "booktitle", "year"},
    "techreport": {"author", "title", "institution", "year"},
    "misc": {"author", "title", "year"},
}


@pytest.mark.parametrize("key", sorted(entries()))
def test_an_entry_has_what_bibtex_needs(key: str) -> None:
    entry = entries()[key]
    kind = re.match(r"@(\w+)\{", entry)
    fields = set(re.findall(r"^  (\w+) = \{", entry, re.MULTILINE))
    assert kind is not None
    assert NEEDED[kind[1]] <= fields
    assert entry.count("{") == entry.count("}")
    year = re.search(r"year = \{(\d{4})\}", entry)
    assert year is not None
    assert year[1] in key


def test_everything_that_can_be_cited_exists() -> None:
    tables = (references.DATA, references.METHODS, references.METRICS, references.SEARCHES, references.TOOLS)
    assert {key for table in tables for keys in table.values() for key in keys} <= set(entries())


def test_only_what_is_cited_is_listed() -> None:
    text = f"LoRA{cite('hu2022lora')} and {cite('holm1979', 'student1908')}, {cite()}"
    assert re.findall(r"^@\w+\{(\w+),", references_bib([text]), re.MULTILINE) == [
        "holm1979",
        "hu2022lora",
        "student1908",
    ]


def test_a_paper_lists_what_its_runs_used(paper: Path) -> None:
    listed = set(re.findall(r"^@\w+\{(\w+),", (paper / "references.bib").read_text(encoding="utf-8"), re.MULTILINE))
    assert {"radford2019gpt2", "hu2022lora", "jiang2020smart", "vyas2024soap", "loshchilov2019adamw"} <= listed
    assert {"popovic2015chrf", "liaw2018tune", "penfold2025explora", "gupta1965"} <= listed
    assert not {"li2020asha", "bergstra2011tpe", "iyer2017qqp", "watanabe2023pedanova"} & listed

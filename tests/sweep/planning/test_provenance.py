"""What of an earlier run's provenance would make new rows incomparable."""

from dataclasses import replace

import pytest

from sweep.planning.numerics import SCHEMA_2_CODE, numerics_sha256
from sweep.planning.plan import point_from
from sweep.planning.provenance import Provenance, Source, base_name, changes, current_name, data_name, versions

PAIRS = "the way that data of paraphrase is read (quotation marks and spaces)"


@pytest.mark.parametrize(
    ("settings", "changed"),
    [
        ({}, []),
        ({"data": "my_poems.txt"}, []),
        ({"optimizer": "soap"}, ["the form of SOAP's state in checkpoints"]),
        ({"task": "paraphrase"}, []),
        ({"task": "paraphrase", "data": "questions"}, []),
        ({"task": "paraphrase", "data": "my_pairs"}, [PAIRS]),
        ({"task": "paraphrase", "data": "qqp"}, [PAIRS]),
        ({"task": "sentiment", "data": "sst5"}, []),
    ],
    ids=str,
)
def test_what_code_before_schema_3_did_otherwise(settings: dict[str, str], changed: list[str]) -> None:
    point = point_from({"task": "sonnets", **settings})
    now = Provenance(
        bases={base_name(point): Source("b")},
        data={data_name(point): Source("d")},
        numerics_sha256=numerics_sha256(),
        versions=versions(),
        device=current_name("cpu"),
        threads=1,
    )
    assert changes(replace(now, numerics_sha256=SCHEMA_2_CODE), now, [point]) == changed
    assert changes(now, now, [point]) == []

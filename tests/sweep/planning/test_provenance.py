"""What of an earlier run's provenance would make new rows incomparable."""

from dataclasses import replace

import pytest

from model.pretrained.files import find_base
from sweep.planning.machine import BF16, PRODUCTS
from sweep.planning.numerics import SCHEMA_2_CODE, UNPADDED, numerics_sha256
from sweep.planning.plan import Point, point_from
from sweep.planning.provenance import Provenance, Source, base_name, changes, current_name, data_name, versions

PAIRS = "the way that data of paraphrase is read (quotation marks and spaces)"


def of(point: Point, **more: str) -> Provenance:
    """The provenance of a run of `point`, with `more` versions."""
    return Provenance(
        bases={base_name(point): Source("b")},
        data={data_name(point): Source("d")},
        numerics_sha256=numerics_sha256(),
        versions={**versions(), **more},
        device=current_name("cpu"),
        threads=1,
    )


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
    now = of(point)
    assert changes(replace(now, numerics_sha256=SCHEMA_2_CODE), now, [point]) == changed
    assert changes(now, now, [point]) == []


@pytest.mark.parametrize("unpadded", UNPADDED)
@pytest.mark.parametrize(
    ("settings", "device", "changed"),
    [
        ({}, "NVIDIA H100", ["the padding of batches on a GPU"]),
        ({"smart.lam": 0.1}, "NVIDIA H100", []),
        ({}, current_name("cpu"), []),
    ],
    ids=str,
)
def test_what_code_before_cuda_graphs_did_otherwise(
    unpadded: str, settings: dict[str, float], device: str, changed: list[str]
) -> None:
    point = point_from({"task": "sonnets", **settings})
    now = replace(of(point), device=device)
    assert changes(replace(now, numerics_sha256=unpadded), now, [point]) == changed


@pytest.mark.parametrize("precision", [None, "bf16"])
@pytest.mark.parametrize(("sha256", "depends"), [("b", True), (find_base("tiny").sha256, False)])
def test_keys_include_the_library_for_large_products_unless_the_base_is_tiny(
    sha256: str, depends: bool, precision: str | None
) -> None:
    point = point_from({"task": "sonnets", "base": "./copy", "precision": precision})
    intel, amd = (
        replace(of(point, **more), bases={base_name(point): Source(sha256)}) for more in ({}, {PRODUCTS: "oneDNN"})
    )
    assert (intel.key(point) != amd.key(point)) == depends
    assert changes(amd, amd, [point]) == []
    named = ["library for large matrix products (None, now oneDNN)"]
    assert changes(intel, amd, [point]) == (named if depends else [])


def test_precisions_never_share_a_key() -> None:
    exact, half = (point_from({"task": "sonnets", **more}) for more in ({}, {"precision": "bf16"}))
    found = of(exact, **{BF16: "amx_bf16"})
    assert found.key(exact) != found.key(half)


@pytest.mark.parametrize("other", [{}, {BF16: "avx512_bf16"}], ids=str)
def test_points_in_bf16_depend_on_its_instructions(other: dict[str, str]) -> None:
    exact, half = (point_from({"task": "sonnets", **more}) for more in ({}, {"precision": "bf16"}))
    here, there = of(exact, **{BF16: "amx_bf16"}), of(exact, **other)
    assert here.key(exact) == there.key(exact)
    assert here.key(half) != there.key(half)
    assert changes(here, there, [exact]) == []
    assert changes(here, there, [half]) == [f"bf16 instructions (amx_bf16, now {other.get(BF16)})"]

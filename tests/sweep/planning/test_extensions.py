"""Extensions of a run: imported when it runs, recorded with it, and part of the identity of its points."""

import json
import sys
from collections.abc import Iterator
from dataclasses import asdict, replace
from pathlib import Path

import pytest

from model.errors import SettingError
from sweep import Space, grid
from sweep.errors import ExtensionError, SpaceError
from sweep.planning import extensions
from sweep.planning.extensions import Extension, import_recorded, record, references, remember
from sweep.planning.flat import REGISTRIES, train_keys
from sweep.planning.importing import make_importable
from sweep.planning.plan import Point, point_from
from sweep.planning.provenance import Provenance, changes, trace
from sweep.planning.space import expand
from tests.sweep.extensions import write_optimizer


@pytest.fixture(autouse=True)
def _forgetful(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """What a test imports or reads is forgotten after it."""
    monkeypatch.setattr(extensions, "_origins", {})
    monkeypatch.setattr(extensions, "_recorded", {})
    monkeypatch.setattr(sys, "path", list(sys.path))
    before = {kind: dict(registry) for kind, registry in REGISTRIES.items()}
    yield
    for kind, registry in REGISTRIES.items():
        registry.clear()
        registry.update(before[kind])


def points(space: Space) -> list[Point]:
    return expand(space, {})


def forget(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """Let this process look as if it had not imported `name`."""
    extensions._origins.pop(name)
    REGISTRIES["optimizer"].pop(name)
    monkeypatch.delitem(sys.modules, name.partition(":")[0])
    sys.path.pop()


@pytest.fixture
def name(tmp_path: Path, request: pytest.FixtureRequest) -> str:
    """An optimizer in a module that no other test has."""
    make_importable([tmp_path])
    return write_optimizer(tmp_path, f"{request.node.name.partition('[')[0]}_module")


def test_its_settings_are_keys_bounds_and_axes(name: str) -> None:
    one, other = points(Space(fixed={"optimizer": name}, axes={"sign.power": grid(0.5, 2)}))
    assert references(one) == {"optimizer": name}
    assert one.train.weight_decay == 0.25
    assert "sign.power" not in one.settings
    assert other.settings["sign.power"] == 2.0
    assert train_keys()["sign.power"] is float
    assert "sign.power" not in train_keys(extensions=False)
    with pytest.raises(SpaceError, match=r"sign\.way: must be one of down, up, got 'left'"):
        expand(Space(fixed={"optimizer": name, "sign.way": "left"}), {})
    with pytest.raises(SpaceError, match=r"unknown name 'sign\.powr': did you mean 'sign\.power'"):
        expand(Space(fixed={"optimizer": name, "sign.powr": 1.0}), {})


def test_extension_may_be_an_axis_value_or_an_override(name: str) -> None:
    found = points(Space(axes={"optimizer": grid("adamw", name)}))
    assert [point.train.optimizer for point in found] == ["adamw", name]
    (point,) = expand(Space(), {"optimizer": name})
    assert point.train.optimizer == name


@pytest.mark.parametrize("prefix", ["adamw.", "lora.", "smart.", "decode.", "", "sign", "a.b."])
def test_a_prefix_that_is_taken_or_none_is_refused(tmp_path: Path, prefix: str) -> None:
    make_importable([tmp_path])
    module = f"prefix_{''.join(c if c.isalnum() else '_' for c in prefix)}_module"
    with pytest.raises(ExtensionError, match="its settings need a prefix of their own"):
        expand(Space(fixed={"optimizer": write_optimizer(tmp_path, module, prefix)}), {})


@pytest.mark.parametrize(
    ("before", "after", "message"),
    [
        ("steps: int | None = setting(None", "steps: int | None = setting(3", "its default must be None"),
        ("power: float = setting(0.5", "power: complex = setting(0.5", "the type of the setting power must be one of"),
    ],
)
def test_settings_that_cannot_be_recorded_are_refused(
    name: str, tmp_path: Path, before: str, after: str, message: str
) -> None:
    path = tmp_path / f"{name.partition(':')[0]}.py"
    module = path.rename(path.with_stem(f"{path.stem}_{len(message)}"))
    module.write_text(module.read_text().replace(before, after))
    with pytest.raises(ExtensionError, match=message):
        expand(Space(fixed={"optimizer": f"{module.stem}:Sign"}), {})


def test_of_the_wrong_kind_it_is_refused(name: str) -> None:
    with pytest.raises(ExtensionError, match="must be of type TaskSpec, not OptimizerSpec"):
        expand(Space(task=name), {})


def test_a_record_is_enough_to_read_points(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is imported, and the settings are checked and completed as the extension itself would."""
    (point,) = points(Space(fixed={"optimizer": name, "sign.power": 2.0}))
    (default,) = points(Space(fixed={"optimizer": name}))
    recorded = json.loads(json.dumps({key: asdict(each) for key, each in record([point]).items()}))
    forget(monkeypatch, name)
    with pytest.raises(SettingError, match="optimizer: must be one of"):
        point_from(point.settings)
    remember({key: Extension(**each) for key, each in recorded.items()})
    again = point_from(point.settings)
    assert (again.point_id, again.columns) == (point.point_id, point.columns)
    assert point_from({"optimizer": name}).columns == default.columns
    assert name.partition(":")[0] not in sys.modules
    for bad, message in (
        ({"sign.power": -1}, "at least 0"),
        ({"sign.way": "left"}, "one of down, up"),
        ({"sign.steps": 0.5}, "int or None"),
    ):
        with pytest.raises(SettingError, match=message):
            point_from({"optimizer": name, **bad})
    with pytest.raises(RuntimeError, match="import it first"):
        REGISTRIES["optimizer"][name].build([], 0.1, 0.0, None)


def test_recorded_extension_is_imported_to_run(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    (point,) = points(Space(fixed={"optimizer": name, "sign.power": 2.0}))
    recorded = record([point])
    forget(monkeypatch, name)
    remember(recorded)
    read = point_from(point.settings)
    import_recorded(recorded)
    assert REGISTRIES["optimizer"][name].state_bytes([(2, 2)], None) == 0
    assert replace(read.train, epochs=3) == replace(point_from(point.settings).train, epochs=3)
    assert record([read]) == recorded


def test_edited_file_is_detected(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (point,) = points(Space(fixed={"optimizer": name}))
    recorded = record([point])
    path = tmp_path / f"{name.partition(':')[0]}.py"
    path.write_text(path.read_text().replace("sign()", "sgn() "))
    with pytest.raises(ExtensionError, match="was edited after this process imported it"):
        record([point])
    forget(monkeypatch, name)
    with pytest.raises(ExtensionError, match="was edited since the run began"):
        import_recorded(recorded)


def provenance(*given: Point) -> Provenance:
    return trace(given, gpu=False, threads=1)


def test_source_is_part_of_the_point_identity(name: str) -> None:
    (point,) = points(Space(fixed={"optimizer": name}))
    (plain,) = points(Space())
    now = provenance(point, plain)
    assert set(now.extensions) == {name}
    edited = {name: replace(now.extensions[name], sha256="0" * 64)}
    before = replace(now, extensions=edited)
    assert before.key(point) != now.key(point)
    assert before.key(plain) == now.key(plain)
    assert before.key(point.baseline) == now.key(point.baseline)
    assert changes(before, now, [plain]) == []
    assert changes(before, now, [point, plain]) == [f"extension {name}"]
    moved = replace(now, extensions={name: replace(now.extensions[name], folder="/elsewhere")})
    assert moved.key(point) == now.key(point)
    assert changes(moved, now, [point]) == []


def test_provenance_survives_its_file(name: str) -> None:
    (point,) = points(Space(fixed={"optimizer": name}))
    now = provenance(point)
    assert Provenance.from_dict(json.loads(json.dumps(now.as_dict()))) == now

"""The public names of the package."""

import importlib
import subprocess
import sys
from pathlib import Path

import pytest

import model


@pytest.mark.parametrize("name", model.__all__)
def test_every_public_name_is_there(name: str) -> None:
    assert getattr(model, name) is not None


def test_type_checkers_know_the_same_names() -> None:
    stub = Path(model.__file__).with_suffix(".pyi").read_text()
    assert sorted(line.split(" as ")[1] for line in stub.splitlines()) == sorted(model.__all__)


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = model.nothing


def test_importing_the_package_costs_nothing() -> None:
    code = "import sys, model, model.config, model.tasks; print('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout == "False\n"


def test_public_functions_are_not_shadowed_by_modules() -> None:
    importlib.import_module("model.training")
    assert callable(model.train)

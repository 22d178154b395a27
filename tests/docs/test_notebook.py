"""The notebook of the docs runs from top to bottom."""

from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

NOTEBOOK = Path(__file__).parents[2] / "docs" / "notebook.ipynb"


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_the_notebook_runs(tmp_path: Path) -> None:
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    NotebookClient(notebook, timeout=240, resources={"metadata": {"path": str(tmp_path)}}).execute()
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", ())]
    shown = "\n".join(output.get("text", "") + str(output.get("data", "")) for output in outputs)
    assert "<Run 'notebook': 4 COMPLETED>" in shown
    assert "vega-lite" in shown or "vegalite" in shown
    assert "dev_loss by epoch" in shown
    assert outputs[-1]["text"].strip()
    assert (tmp_path / "results" / "notebook" / "leaderboard.parquet").is_file()


def test_the_notebook_is_kept_without_outputs() -> None:
    cells = nbformat.read(NOTEBOOK, as_version=4).cells
    assert not any(cell.get("outputs") for cell in cells)

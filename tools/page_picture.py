"""Create the picture of the page in the README: write the page of a reference run, and take a picture in Chromium.

Run `python -m tools.page_picture`. It needs Debian's chromium.
"""

import subprocess
import tempfile
from pathlib import Path

from sweep.charts.source import open_source
from sweep.page.page import write_page
from sweep.store.locate import find_run

PICTURE = Path("docs/images/page.png")
RUN = "lora_rank"
SIZE = 1100, 1500  # pixels


def take(page: Path, picture: Path, *, size: tuple[int, int] = SIZE) -> None:
    """Write the top of `page` in a window of `size` to `picture`. Raise CalledProcessError if Chromium fails."""
    command = [
        "chromium",
        *("--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run"),
        *("--hide-scrollbars", "--virtual-time-budget=20000", f"--window-size={size[0]},{size[1]}"),
        f"--screenshot={picture.absolute()}",
        page.as_uri(),
    ]
    subprocess.run(command, check=True, capture_output=True)


def main() -> None:
    """Update the picture."""
    with tempfile.TemporaryDirectory() as folder:
        page = Path(folder) / "page.html"
        write_page([open_source(find_run(Path("results/reference"), RUN))], page)
        take(page, PICTURE)
    print(PICTURE)


if __name__ == "__main__":
    main()

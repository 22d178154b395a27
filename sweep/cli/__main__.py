"""Run the command line as `python -m sweep.cli`.

Python then puts the working folder first on the import path, where a file `json.py` or `model.py` would hide the module
that is meant. It is moved behind all others, unless this package lies in it.
"""

import os
import sys


def move_working_folder_last() -> None:
    package_root = os.path.realpath(os.path.join(os.path.dirname(__file__), "..", ".."))
    if not sys.flags.safe_path and os.path.realpath(sys.path[0]) != package_root:
        sys.path.append(sys.path.pop(0))


if __name__ == "__main__":
    move_working_folder_last()
    from sweep.cli.commands import main

    main()

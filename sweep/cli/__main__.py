"""Run the command line as `python -m sweep.cli`."""

from sweep.cli.commands import main

if __name__ == "__main__":
    main()

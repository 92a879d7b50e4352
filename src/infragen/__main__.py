"""Runs the command line as `python -m infragen`."""

from infragen.cli import main

if __name__ == "__main__":
    main()

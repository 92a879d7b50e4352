"""Runs the command line as `python -m infragen`."""

from infragen.cli import run

if __name__ == "__main__":
    run()

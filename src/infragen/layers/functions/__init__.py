"""The code that runs inside the infrastructure, each in a readable file of its own.

The layers put these files into templates as text (`source`); the package imports none of them.
"""

from importlib.resources import files


def source(name: str) -> str:
    """Return the text of a file in this folder, with line feeds whatever the checkout did to its line ends."""
    return files(__name__).joinpath(name).read_text(encoding="utf-8").replace("\r\n", "\n")

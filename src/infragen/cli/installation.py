"""Which distribution this is, and whether a stranger's of the same command name is in the way.

On the package index `infragen` is another tool with the same command and the same import package (0.1.1, seen
2026-11-29); this one is `infragen-cfn`. Where both are installed, whichever was installed last has replaced the other's
`infragen/__init__.py` and command.
"""

import os
from contextlib import suppress
from pathlib import Path

import infragen

DISTRIBUTION = "infragen-cfn"
_STRANGER = "infragen-"
"""How the directory of a distribution called `infragen` begins; ours is infragen_cfn-VERSION.dist-info."""


def version() -> str:
    """Return the version and the distribution, for `--version`."""
    return f"infragen {infragen.__version__} (distribution {DISTRIBUTION})"


def stranger_anywhere() -> str:
    """Return what to say about another tool of this name among all packages, or ''. For when something failed: it reads
    their metadata.
    """
    from importlib.metadata import PackageNotFoundError, distribution

    try:
        other = distribution("infragen")
    except PackageNotFoundError:
        return ""
    commands = {each.value for each in other.entry_points if each.name == "infragen"}
    return "" if commands <= {"infragen.cli:run"} else _in_the_way(f"infragen {other.version}")


def _in_the_way(name: str) -> str:
    return (
        f"{name} is another tool with the same command, installed beside {DISTRIBUTION}; keep one: "
        f"pip uninstall --yes infragen {DISTRIBUTION} && pip install {DISTRIBUTION}"
    )


def stranger(packages: Path | None = None) -> str:
    """Return what to say about another tool of this name beside us, or ''.

    One reading of one directory: this runs at each start. A package that lies elsewhere cannot have replaced our files.
    """
    packages = packages or Path(infragen.__file__).parent.parent
    with suppress(OSError), os.scandir(packages) as entries:
        for each in entries:
            if each.name.startswith(_STRANGER) and each.name.endswith(".dist-info"):
                return _in_the_way(each.name.removesuffix(".dist-info"))
    return ""

"""Commands that run with nothing but Node.js in the image: the placeholder server and the container's health check.

Port and path are arguments, so that the scripts stay the same text whatever the environment says.
"""

from infragen.layers.functions import source


def placeholder_server(port: int, path: str) -> tuple[str, ...]:
    """Return a server that is healthy at `path` and answers 503 to everything else, until there is an image."""
    return ("node", "-e", source("placeholder_server.js"), str(port), path)


def health_check(port: int, path: str) -> tuple[str, ...]:
    """Exit with 0 when the container's own server answers `path` with a 2xx. Slim images have no curl."""
    return ("node", "-e", source("health_check.js"), str(port), path)

"""Commands that run with nothing but Node.js in the image: the placeholder server and the container's health check.

Port and path are arguments, so that the scripts stay the same text whatever the environment says.
"""

_SERVER = (
    "const [port, path] = process.argv.slice(1); "
    "require('http').createServer((request, response) => { "
    "response.writeHead(request.url === path ? 200 : 503); response.end() }).listen(Number(port))"
)
_CHECK = (
    "const [port, path] = process.argv.slice(1); "
    "fetch(`http://127.0.0.1:${port}${path}`).then(answer => process.exit(answer.ok ? 0 : 1), () => process.exit(1))"
)


def placeholder_server(port: int, path: str) -> tuple[str, ...]:
    """A server that is healthy at `path` and answers 503 to everything else, until there is an image."""
    return ("node", "-e", _SERVER, str(port), path)


def health_check(port: int, path: str) -> tuple[str, ...]:
    """Exits with 0 when the container's own server answers `path` with a 2xx. Slim images have no curl."""
    return ("node", "-e", _CHECK, str(port), path)

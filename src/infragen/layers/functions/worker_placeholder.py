"""Stands in for a worker's code until there is some. It raises: one that returned would have eaten its messages."""


def handler(event: object, context: object) -> None:
    """Refuse whatever comes."""
    raise RuntimeError("no code is deployed for this worker yet")

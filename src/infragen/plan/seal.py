"""A one-time signature over a saved plan, whose public part stays in AWS.

The digest of a plan is known only after its change sets are made, and their descriptions cannot be changed then. So the
run makes a key pair, puts the public part into the descriptions, signs the whole plan at the end and forgets the
private part: nobody can sign another plan for these change sets, its author neither. This is Lamport's scheme (Leslie
Lamport, "Constructing Digital Signatures from a One Way Function", 1979) with SHA-256.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Iterable, Iterator, Sequence

BITS = 256


def new_secret() -> bytes:
    """Return the private part of a key pair, for one signature."""
    return secrets.token_bytes(32)


def public_part(secret: bytes) -> str:
    """Return the public part, 64 hexadecimal digits."""
    return _combined(_hash(_private(secret, place, bit)) for place in range(BITS) for bit in (0, 1))


def sign(secret: bytes, digest: str) -> tuple[str, ...]:
    """Return the signature of a SHA-256 digest in hexadecimal: for each bit what is revealed and the hash of what is
    not.
    """
    return tuple(
        f"{_private(secret, place, bit)}{_hash(_private(secret, place, 1 - bit))}"
        for place, bit in enumerate(_bits(digest))
    )


def public_part_of(signature: Sequence[str], digest: str) -> str:
    """Return the public part to which a signature of this digest belongs; of another digest it is another one, or
    empty.
    """
    if len(signature) != BITS or any(len(each) != 128 for each in signature):
        return ""
    pairs = ((_hash(each[:64]), each[64:]) for each in signature)
    return _combined(each for bit, pair in zip(_bits(digest), pairs, strict=True) for each in (pair, pair[::-1])[bit])


def _bits(digest: str) -> Iterator[int]:
    number = int(digest, 16)
    return ((number >> place) & 1 for place in range(BITS))


def _private(secret: bytes, place: int, bit: int) -> str:
    return hashlib.sha256(secret + bytes([bit]) + place.to_bytes(2, "big")).hexdigest()


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _combined(hashes: Iterable[str]) -> str:
    return _hash("".join(hashes))

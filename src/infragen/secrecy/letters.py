"""Reads letters as a person sees them: `pаssword` with a Cyrillic letter, full-width or bold, is `password`.

Pure. Names are compared as they look, because whoever reads a plan sees no difference either.
"""

from __future__ import annotations

import re
import unicodedata

_ALIKE = str.maketrans(
    "аеорсухіјѕԁԛԝһкмтвнӏгпиАВЕКМНОРСТУХІЈЅԀԚԜҺӀαοριντκυχΑΒΕΖΗΙΚΜΝΟΡΤΥΧᴀʙᴄᴅᴇꜰɢʜɪᴊᴋʟᴍɴᴏᴘʀꜱᴛᴜᴠᴡʏᴢɑɡıøđłßօոսհցքæœ",
    "aeopcyxijsdqwhkmtbhlrnuABEKMHOPCTYXIJSDQWHIaopivtkuxABEZHIKMNOPTYXabcdefghijklmnoprstuvwyzagiodlsonuhgpao",
)
"""Letters that look like Latin ones and that no normal form brings there (Unicode UTS #39, confusables.txt, 17.0.0,
2025-09, the rows of Cyrillic, Greek, Armenian and small capitals; and letters with a stroke). What is not here and
stands among Latin letters makes a word of mixed scripts, which `mixes_scripts` tells."""

_SCRIPTS_OF_LATIN_LOOKS = ("CYRILLIC", "GREEK", "COPTIC", "ARMENIAN", "CHEROKEE", "LISU", "GEORGIAN", "DESERET")
_WORDS_AND_REST = re.compile(r"[^\W\d_]+|[\W\d_]+")
_LATIN = re.compile(r"[A-Za-z]")
_WORDS_OF_LETTERS = re.compile(r"[^\W\d_]{2,}")


def folded(text: str) -> tuple[str, list[int]]:
    """Return a text in the letters that it looks like, and for each of its characters where it stands in the text.

    Words of another script that look like no Latin word are left as they are.
    """
    parts: list[str] = []
    places: list[int] = []
    for found in _WORDS_AND_REST.finditer(text):
        plain = [_plain(each) if each > "\x7f" else each for each in found[0]]
        if not "".join(plain).isascii() and not _LATIN.search(found[0]):
            plain = list(found[0])
        parts.extend(plain)
        places.extend(found.start() + place for place, each in enumerate(plain) for _ in each)
    return "".join(parts), places


def as_it_looks(text: str) -> str:
    """Return a text in the letters that it looks like."""
    return text if text.isascii() else folded(text)[0]


def _plain(letter: str) -> str:
    """Return what one character looks like: its compatible form without marks; nothing for one without width."""
    found = unicodedata.normalize("NFKD", letter)
    kept = (each for each in found if unicodedata.category(each) not in ("Mn", "Me", "Cf"))
    return "".join(kept).translate(_ALIKE)


def mixes_scripts(name: str) -> bool:
    """Return whether a word mixes Latin letters with letters of a script that looks like them: nobody types that by
    chance.

    As browsers judge names of hosts (Unicode UTS #39, "Restriction-Level Detection"). Micro and ohm signs are units.
    """
    if name.isascii():
        return False
    for word in _WORDS_OF_LETTERS.findall(name.replace("µ", "").replace("Ω", "").replace("μ", "")):
        scripts = {unicodedata.name(each, "").partition(" ")[0] for each in word}
        if "LATIN" in scripts and not scripts.isdisjoint(_SCRIPTS_OF_LATIN_LOOKS):
            return True
    return False

"""Damage that knows no format: bytes flipped, cut, repeated, put somewhere else."""

from random import Random
from typing import Any

NUMBERS = (
    *(0, 1, -1, 2, 127, 128, 255, 256, 65_535, 65_536, 65_537),
    *(2**31 - 1, 2**31, 2**32, 2**63 - 1, -(2**63)),
)
"""Integers at the edges of types and limits."""

TEXTS = ("", "\0", "a" * 300, "\x1b[2J", "../../x", "é\u202e", "keras", "NaN", "9" * 5000)

STRANGE = (
    *(None, True, False, 1e308, float("nan"), float("inf"), 10**400, -1.5, [], {}),
    *NUMBERS,
    *TEXTS,
)
"""Values of every kind that JSON can hold, and some that it should not."""


def damaged(content: bytes, rng: Random) -> bytes:
    """Return ``content`` with one to four pieces of it changed."""
    changed = bytearray(content)
    for _ in range(rng.choice((1, 1, 2, 4))):
        if not changed:
            break
        start = rng.randrange(len(changed))
        stop = min(len(changed), start + rng.choice((1, 1, 2, 4, 8, 64, 1000)))
        match rng.randrange(6):
            case 0:
                changed[start:stop] = rng.randbytes(stop - start)
            case 1:
                changed[start] ^= 1 << rng.randrange(8)
            case 2:
                del changed[start:stop]
            case 3:
                changed[start:start] = changed[start:stop] * rng.choice((1, 2, 50))
            case 4:
                changed[start:stop] = rng.choice((b"\0", b"\xff", b"\x7f")) * (stop - start)
            case 5:
                del changed[start:]
    return bytes(changed)


def changed_document(document: Any, rng: Random, changes: int = 1) -> Any:
    """Return a copy of a JSON document with values changed, removed or nested somewhere in it."""
    for _ in range(changes):
        document = _changed(document, rng)
    return document


def _changed(part: Any, rng: Random) -> Any:
    inside = isinstance(part, dict | list) and part and rng.random() < 0.85
    if inside and isinstance(part, dict):
        key = rng.choice(list(part))
        kept = dict(part)
        match rng.randrange(8):
            case 0:
                del kept[key]
            case 1:
                kept[rng.choice(TEXTS)] = kept.pop(key)
            case _:
                kept[key] = _changed(part[key], rng)
        return kept
    if inside:
        place = rng.randrange(len(part))
        changed = _changed(part[place], rng)
        return [*part[:place], changed, *part[place + 1 :], *([changed] * rng.choice((0, 0, 0, 3)))]
    if rng.random() < 0.1:
        for _ in range(rng.choice((5, 50, 150))):  # deeper ones are written as text
            part = [part] if rng.random() < 0.5 else {"a": part}
        return part
    return rng.choice(STRANGE)


def varint(integer: int, extra: int = 0) -> bytes:
    """Return an integer as protocol buffers write it, in ``extra`` bytes more than it takes."""
    written = bytearray()
    while integer > 127:
        written.append(integer & 127 | 128)
        integer >>= 7
    written.append(integer)
    for _ in range(extra):
        written[-1] |= 128
        written.append(0)
    return bytes(written)

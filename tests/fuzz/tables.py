"""Hostile tables: cells, quotes, headers and bytes that are damaged."""

from random import Random

from tests.fuzz.damage import NUMBERS, TEXTS, damaged

_HEADERS = ("label,a,b", "a;b;y", "a\tb\tclass", ",a,target", "a,a,label", "1,2,3", "label")


def make(rng: Random) -> bytes:
    """Return a .csv."""
    header = rng.choice(_HEADERS)
    delimiter = max(",;\t", key=header.count)
    lines = [header]
    for number in range(rng.choice((0, 1, 5, 40))):
        cells = [str(number % 3), str(number / 2), str(number)][: header.count(delimiter) + 1]
        if rng.random() < 0.1:
            cells[rng.randrange(len(cells))] = str(rng.choice((*NUMBERS, *TEXTS, "1e400", '"')))
        lines.append(delimiter.join(cells))
    end = rng.choice(("\n", "\r\n", "\r"))
    content = end.join(lines).encode("utf-8", "surrogatepass")
    return damaged(content, rng) if rng.random() < 0.5 else content

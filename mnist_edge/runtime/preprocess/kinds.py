"""What a file is by its first bytes: of kinds that are no pictures of pixels; and animations."""

from collections.abc import Iterator

HEIC_BRANDS = frozenset([b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1"])
AVIF_BRANDS = frozenset([b"avif", b"avis"])

_SEARCHED = 4096
"""Bytes at the start of a file in which a mark may stand behind white space and comments."""


def unreadable(data: bytes) -> str | None:
    """Return what a file is that people take for a picture and that cannot be read; else None."""
    start = data[:_SEARCHED]
    brands = _brands(start)
    if brands & HEIC_BRANDS and not brands & AVIF_BRANDS:
        return "a HEIC photo"
    if b"%PDF-" in start[:1024]:
        return "a PDF document"
    is_markup = start.lstrip(b"\xef\xbb\xbf \t\r\n").startswith((b"<svg", b"<?xml", b"<!"))
    if is_markup and b"<svg" in start:
        return "an SVG drawing"
    return None


def is_animation(data: bytes) -> bool:
    """Return whether a GIF, PNG, WebP or AVIF file holds more than one picture."""
    if data.startswith((b"GIF87a", b"GIF89a")):
        images = _gif_images(data)
        return next(images, None) is not None and next(images, None) is not None
    if data.startswith(b"\x89PNG\r\n\x1a\n"):
        return _png_frames(data) > 1
    if data[:4] == b"RIFF" and data[8:16] == b"WEBPVP8X":
        return len(data) > 20 and bool(data[20] & 2)
    return data[4:12] == b"ftypavis"


def _brands(start: bytes) -> set[bytes]:
    """Return the brands of a file of ISO boxes: what HEIC and AVIF are known by."""
    if start[4:8] != b"ftyp":
        return set()
    size = min(int.from_bytes(start[:4], "big"), len(start))
    return {start[8:12], *(start[place : place + 4] for place in range(16, size, 4))}


def _png_frames(data: bytes) -> int:
    """Return how many frames a PNG says it has, before its pixels; 1 where it says nothing."""
    place = 8
    while place + 12 <= len(data):
        size = int.from_bytes(data[place : place + 4], "big")
        name = data[place + 4 : place + 8]
        if name == b"IDAT":
            break
        if name == b"acTL":
            return int.from_bytes(data[place + 8 : place + 12], "big")
        place += 12 + size
    return 1


def _gif_images(data: bytes) -> Iterator[int]:
    """Yield where each image of a GIF begins."""
    place = 13 + _colours(data[10:11])
    while place < len(data):
        kind = data[place : place + 1]
        if kind == b",":
            yield place
            # Ten bytes of descriptor, its colours, and the size of a code.
            place += 10 + _colours(data[place + 9 : place + 10]) + 1
        elif kind == b"!":
            place += 2
        else:  # the end, or damage, which whoever decodes it finds
            break
        while place < len(data) and data[place]:  # pieces, each with its size before it
            place += 1 + data[place]
        place += 1


def _colours(flags: bytes) -> int:
    """Return the bytes that a GIF's table of colours takes."""
    if not flags or not flags[0] & 0x80:
        return 0
    return 3 * (2 << (flags[0] & 7))

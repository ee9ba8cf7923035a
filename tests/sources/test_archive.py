"""Archives that are wrong in each way that an archive can be: every one ends as an ArchiveError."""

import contextlib
import io
import struct
import warnings
import zipfile
from collections.abc import Callable

import pytest

from mnist_edge.sources.archive import MAX_MEMBERS, ArchiveError, open_archive, read_member

TEXT = b"twenty-eight by twenty-eight " * 1000
LOCAL, CENTRAL, END = b"PK\x03\x04", b"PK\x01\x02", b"PK\x05\x06"

METHODS = pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])


def packed(members: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return buffer.getvalue()


def patched(content: bytes, record: bytes, offset: int, value: bytes) -> bytes:
    """``content`` with other bytes in the last record that begins so, ``offset`` bytes into it."""
    at = content.rindex(record) + offset
    return content[:at] + value + content[at + len(value) :]


def read(content: bytes, limit: int = 2**20) -> bytes:
    with open_archive(content) as archive:
        return read_member(archive, "a", limit)


@METHODS
@pytest.mark.parametrize("size", [0, 1, len(TEXT), 2**20, 2**20 + 1, 3 * 2**20])
def test_a_member_comes_out_as_it_went_in(method: int, size: int) -> None:
    content = (TEXT * (size // len(TEXT) + 1))[:size]
    assert read(packed({"b": b"other", "a": content}, method), limit=size) == content


@pytest.mark.parametrize("size", [1, len(TEXT), 2**20, 2**20 + 1, 3 * 2**20])
def test_a_member_longer_than_the_limit_is_refused(size: int) -> None:
    with pytest.raises(ArchiveError, match=f"'a' unpacks to more than {size - 1:,} bytes"):
        read(packed({"a": bytes(size)}), limit=size - 1)


def twice() -> bytes:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # zipfile warns of a name that it writes again
        buffer = io.BytesIO(packed({"a": TEXT}))
        with zipfile.ZipFile(buffer, "a") as archive:
            archive.writestr("a", b"another")
    return buffer.getvalue()


def overlapping() -> bytes:
    """Two entries that lead to the same bytes, as in a zip bomb without recursion."""
    content = packed({"a": TEXT, "b": TEXT})
    return patched(content, CENTRAL, 42, bytes(4))


def damaged_deflate() -> bytes:
    content = packed({"a": TEXT})
    return content[:40] + b"\xff" * 20 + content[60:]


def damaged_stored() -> bytes:
    content = packed({"a": TEXT}, zipfile.ZIP_STORED)
    return content[:40] + b"\xff" * 20 + content[60:]


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (lambda: packed({"b": TEXT}), "no member 'a'"),
        (twice, "2 members named 'a'"),
        (overlapping, "begin at the same place"),
        (lambda: patched(packed({"a": TEXT}), CENTRAL, 8, b"\x01"), "'a' is encrypted"),
        (lambda: patched(packed({"a": TEXT}), CENTRAL, 8, b"\x41"), "'a' is encrypted"),
        (lambda: patched(packed({"a": TEXT}), CENTRAL, 8, b"\x20"), "'a' is damaged"),
        (lambda: packed({"a": TEXT}, zipfile.ZIP_LZMA), "another method than deflate"),
        (lambda: packed({"a": TEXT}, zipfile.ZIP_BZIP2), "another method than deflate"),
        (
            lambda: patched(packed({"a": TEXT}), CENTRAL, 10, b"\x63\x00"),
            "another method than deflate",
        ),
        (damaged_deflate, "'a' is damaged"),
        (damaged_stored, "'a' is damaged"),
        (lambda: patched(packed({"a": TEXT}), CENTRAL, 16, b"\x00\x00\x00\x00"), "'a' is damaged"),
        (lambda: patched(packed({"a": TEXT}), LOCAL, 30, b"z"), "'a' is damaged"),
    ],
)
def test_a_member_that_cannot_be_read_is_refused(make: Callable[[], bytes], reason: str) -> None:
    with pytest.raises(ArchiveError, match=reason):
        read(make())


CLAIMED = pytest.mark.parametrize("claimed", [0, 10, len(TEXT) + 1, 2**31, 2**32 - 2, 2**32 - 1])


@METHODS
@CLAIMED
def test_an_unpacked_size_that_is_not_so_is_refused(method: int, claimed: int) -> None:
    content = patched(packed({"a": TEXT}, method), CENTRAL, 24, struct.pack("<I", claimed))
    with pytest.raises(ArchiveError):
        read(content)


@METHODS
@CLAIMED
def test_a_packed_size_that_is_not_so_changes_nothing_or_is_refused(
    method: int, claimed: int
) -> None:
    content = patched(packed({"a": TEXT}, method), CENTRAL, 20, struct.pack("<I", claimed))
    with contextlib.suppress(ArchiveError):
        assert read(content) == TEXT


def test_a_small_size_claimed_of_a_bomb_does_not_unpack_it() -> None:
    content = patched(packed({"a": bytes(2**24)}), CENTRAL, 24, struct.pack("<I", 100))
    with pytest.raises(ArchiveError, match="'a' is damaged"):
        read(content)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"PK",
        b"no archive",
        END,
        packed({"a": TEXT})[:-1],
        packed({"a": TEXT})[:100],
        packed({"a": TEXT})[40:],
        patched(packed({"a": TEXT}), END, 12, b"\xff\xff\xff\xff"),
        patched(packed({"a": TEXT}), END, 16, b"\xff\xff\xff\x7f"),
        patched(packed({"a": TEXT}), CENTRAL, 6, b"\xff\x00"),
        # Zip64: sizes of 8 bytes, here of more than there is.
        packed({})[:-22]
        + b"PK\x06\x06"
        + b"\xff" * 52
        + b"PK\x06\x07"
        + bytes(16)
        + packed({})[-22:],
    ],
)
def test_what_is_no_archive_is_refused(content: bytes) -> None:
    with pytest.raises(ArchiveError):
        read(content)


def test_every_cut_of_an_archive_is_refused() -> None:
    content = packed({"a": b"short", "b": b"another"})
    for length in range(len(content)):
        with pytest.raises(ArchiveError):
            read(content[:length])


def test_an_archive_of_many_members_is_not_opened() -> None:
    members = {str(number): b"" for number in range(MAX_MEMBERS)}
    assert len(open_archive(packed(members)).infolist()) == MAX_MEMBERS
    with pytest.raises(ArchiveError, match="more than 1,000 members"):
        open_archive(packed(members | {"one more": b""}))


def test_a_reason_holds_nothing_that_a_terminal_obeys() -> None:
    content = packed({"a": TEXT}).replace(b"a", b"\x1b")
    with pytest.raises(ArchiveError) as error, open_archive(content) as archive:
        read_member(archive, "\x1b", 10)
    assert str(error.value).isprintable()

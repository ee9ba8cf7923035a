"""Zip archives of anybody's, read within bounds: .keras and .npz files are such archives.

Nothing that an archive promises is believed: sizes, counts and offsets stand in its
directory, and whoever made the file wrote that directory. What is read is limited by the reader,
and every way in which an archive can be wrong ends as one error.
"""

import io
import zipfile

MAX_MEMBERS = 1_000
"""Members of an archive that is opened at all; Keras writes three into a model's file."""

_ENTRY = b"PK\x01\x02"
"""What each entry of a zip file's directory begins with (APPNOTE.TXT 4.3.12)."""

_PIECE = 2**20

# Others exist (bzip2, LZMA, zstd), but neither Keras nor numpy writes them, and each is one more
# decoder to attack: LZMA's, for one, reserves as much memory as the archive asks for.
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)

_ENCRYPTED = 0x41
"""Bits 0 and 6 of an entry's flags: encrypted, strongly encrypted."""


class ArchiveError(ValueError):
    """An archive, or a member of it, that cannot be read; the text is the reason, no sentence."""


def open_archive(content: bytes) -> zipfile.ZipFile:
    """Open a zip archive that is already in memory.

    Args:
        content: The archive's bytes.

    Raises:
        ArchiveError: It is no zip archive, its directory is damaged, it has more than
            ``MAX_MEMBERS`` members, or two of them share their bytes.
    """
    # Counted before zipfile reads the directory, which makes an object of each entry: 64 MiB could
    # hold a million.
    if content.count(_ENTRY) > MAX_MEMBERS:
        raise ArchiveError(f"it has more than {MAX_MEMBERS:,} members")
    try:
        archive = zipfile.ZipFile(io.BytesIO(content))
    except (
        Exception
    ) as error:  # BadZipFile, struct.error, ValueError, OverflowError, NotImplementedError, ...
        raise ArchiveError(f"it is no zip archive, or a damaged one: {reason(error)}") from error
    members = archive.infolist()
    if len({member.header_offset for member in members}) < len(members):
        raise ArchiveError("two of its members begin at the same place")
    return archive


def read_member(archive: zipfile.ZipFile, name: str, limit: int) -> bytes:
    """Return the content of one member, unpacked in pieces and never beyond ``limit``.

    Args:
        archive: Of ``open_archive``.
        name: The member's name in the archive.
        limit: Bytes, unpacked, that the member may have.

    Raises:
        ArchiveError: It is missing, there twice, encrypted, compressed by another method than
            deflate, damaged, or longer than ``limit``.
    """
    member = _only(archive, name)
    pieces = []
    left = limit
    try:
        with archive.open(member) as file:
            while piece := file.read(min(_PIECE, left + 1)):
                left -= len(piece)
                if left < 0:
                    break
                pieces.append(piece)
    except (
        Exception
    ) as error:  # BadZipFile, zlib.error, EOFError, RuntimeError, NotImplementedError, OSError, ...
        raise ArchiveError(f"its member {name!r} is damaged: {reason(error)}") from error
    if left < 0:
        raise ArchiveError(f"its member {name!r} unpacks to more than {limit:,} bytes")
    # zipfile compares the checksum only where as many bytes came out as the directory promises.
    if limit - left != member.file_size:
        raise ArchiveError(f"its member {name!r} is damaged: its size is not as promised")
    return b"".join(pieces)


def _only(archive: zipfile.ZipFile, name: str) -> zipfile.ZipInfo:
    """Return the directory's entry of a member that is there once, plain or deflated."""
    found = [member for member in archive.infolist() if member.filename == name]
    if not found:
        raise ArchiveError(f"it has no member {name!r}")
    if len(found) > 1:
        raise ArchiveError(f"it has {len(found)} members named {name!r}")
    if found[0].flag_bits & _ENCRYPTED:
        raise ArchiveError(f"its member {name!r} is encrypted")
    if found[0].compress_type not in _METHODS:
        raise ArchiveError(f"its member {name!r} is compressed by another method than deflate")
    return found[0]


def reason(error: BaseException) -> str:
    """Return the first line of an error's text, or its kind; nothing that a terminal obeys."""
    line = (str(error).strip() or type(error).__name__).splitlines()[0]
    return "".join(character if character.isprintable() else "?" for character in line)

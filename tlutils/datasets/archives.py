"""Files that others packed: zip archives without traps, and one kind of error for all that decoders raise.

No archive is ever unpacked onto the disk: members are read in memory, by name.
"""

from __future__ import annotations

import re
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from zipfile import ZipFile, ZipInfo

from tlutils.inputs import checked

LARGEST = 2**28  # bytes of one member, unpacked: far beyond any picture or list
RATIO, SMALL = 100, 2**24  # unpacked to packed size that only bombs exceed, and bytes that do no harm
LEADING_OUT = re.compile(r"^[\\/]|^\w:|(^|[\\/])\.\.([\\/]|$)|\0")  # absolute, on a drive, through `..`; cut by a zero


@checked
def open_zip(path: str | Path) -> ZipFile:
    """Return a zip archive, open for reading, in which every member is plain.

    Raises ValueError, naming archive and member, for what is no zip archive, a member whose name leads
    out of it (absolute, or with `..`), a link, or sizes that only a bomb has; OSError when the file
    cannot be opened. Used by every loader that reads zip files; taught in no notebook.
    """
    path = Path(path)
    with reading(path):
        archive = ZipFile(path)
        try:
            members = archive.infolist()
            for member in members:
                if trap := _trap(member):
                    raise ValueError(f"{path} is refused: its member {member.filename!r} {trap}")
            unpacked = sum(member.file_size for member in members)
            if unpacked > max(SMALL, RATIO * path.stat().st_size):
                raise ValueError(f"{path} is refused: it would unpack to {unpacked:,} bytes, as only a bomb does")
        except BaseException:
            archive.close()
            raise
    return archive


@contextmanager
def reading(path: object) -> Iterator[None]:
    """Raise ValueError naming `path` for whatever a decoder raises inside; an error that names it already is kept."""
    try:
        yield
    except Exception as error:  # on damaged content decoders raise anything from struct.error to AssertionError
        if isinstance(error, (ValueError, OSError)) and (str(path) in str(error) or getattr(error, "filename", None)):
            raise
        reason = f"{type(error).__name__}, {error}"
        raise ValueError(f"{path} cannot be read, it is damaged or another kind of file: {reason:.300}") from error


def is_plain(name: object) -> bool:
    """Return whether a name that a file gives for another one stays inside its folder."""
    return isinstance(name, str) and name != "" and not LEADING_OUT.search(name)


def _trap(member: ZipInfo) -> str | None:
    """Return what is wrong with a member, None for a plain one."""
    if not is_plain(member.filename):
        return "leads out of the archive"
    if stat.S_ISLNK(member.external_attr >> 16):
        return "is a link"
    if member.file_size > LARGEST or member.file_size > max(SMALL, RATIO * member.compress_size):
        return f"would unpack from {member.compress_size:,} to {member.file_size:,} bytes, as only a bomb does"
    return None

"""OLE2 compound files ([MS-CFB]): what they are by the names of their streams."""

from __future__ import annotations

import struct
from typing import Final

from headwater.formats.budget import Budget
from headwater.formats.finding import Wholeness
from headwater.formats.format import Ends
from headwater.ports.ranges import Ranges
from headwater.terms import Completeness

MAGIC: Final = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"

_BY_STREAM: Final = (
    ("EncryptedPackage", "ooxml_encrypted"),
    ("WordDocument", "doc"),
    ("PowerPoint Document", "ppt"),
    ("__properties_version1.0", "msg"),
    ("__nameid_version1.0", "msg"),
    ("Workbook", "xls"),
    ("Book", "xls"),
)
_BIFF: Final = (b"\x09\x08\x10\x00\x00\x06", b"\x09\x08\x08\x00\x00\x05")
_ENTRY_BYTES: Final = 128
_HEADER_BYTES: Final = 512
_SPECIAL: Final = 0xFFFF_FFFA
_FREE: Final = 0xFFFF_FFFF


def ole2_kind(ends: Ends) -> str:
    """xls, doc, ppt, msg, ooxml_encrypted, or ole2 where the names cannot be had; "" for what is none."""
    if not ends.head.startswith(MAGIC):
        return ""
    names = _directory_names(ends)
    for name, kind in _BY_STREAM:
        if name in names:
            return kind
    for name, kind in _BY_STREAM:
        wide = name.encode("utf-16-le") + b"\x00\x00"
        if wide in ends.head or wide in ends.tail:
            return kind
    if any(ends.head.startswith(mark, 512) for mark in _BIFF):
        return "xls"
    return "ole2"


def _directory_names(ends: Ends) -> set[str]:
    """The names in the first sector of the directory, where it lies in the first or the last bytes."""
    head = ends.head
    sector_bytes = 1 << min(int.from_bytes(head[30:32], "little"), 12)
    at = (int.from_bytes(head[48:52], "little") + 1) * sector_bytes
    sector = head[at : at + sector_bytes]
    if len(sector) < sector_bytes and ends.size_bytes is not None:
        start = at - (ends.size_bytes - len(ends.tail))
        sector = ends.tail[start : start + sector_bytes] if start >= 0 else b""
    names = set()
    for place in range(0, len(sector) - _ENTRY_BYTES + 1, _ENTRY_BYTES):
        entry = sector[place : place + _ENTRY_BYTES]
        length = int.from_bytes(entry[64:66], "little")
        if 2 <= length <= 64:  # noqa: PLR2004  (a name with its NUL, in bytes)
            names.add(entry[: length - 2].decode("utf-16-le", "replace"))
    return names


def ole2_wholeness(ranges: Ranges, budget: Budget) -> Wholeness:
    """Whether every sector that the allocation table gives away lies in the file ([MS-CFB], 2.3). Raises Broken."""
    size_bytes = ranges.size_bytes or 0
    head = budget.read(ranges, 0, _HEADER_BYTES)
    shift = int.from_bytes(head[30:32], "little")
    if len(head) < _HEADER_BYTES or shift not in {9, 12}:
        return Wholeness(Completeness.SUSPECT, ("The header of the compound file is cut or damaged.",))
    sector_bytes = 1 << shift
    last = -1
    for number, sector in enumerate(struct.unpack("<109I", head[76:512])):
        if sector >= _SPECIAL:
            break
        if (sector + 2) * sector_bytes > size_bytes:
            return Wholeness(Completeness.SUSPECT, ("The compound file is cut: its allocation table is missing.",))
        table = budget.read(ranges, (sector + 1) * sector_bytes, sector_bytes)
        entries = struct.unpack(f"<{sector_bytes // 4}I", table)
        used = [place for place, entry in enumerate(entries) if entry != _FREE]
        if used:
            last = number * (sector_bytes // 4) + used[-1]
    missing = (last + 2) * sector_bytes - size_bytes
    if missing > 0:
        return Wholeness(
            Completeness.SUSPECT, (f"The compound file is cut: {missing:,} bytes are missing at its end.",)
        )
    if int.from_bytes(head[72:76], "little"):
        reason = "The compound file is so large that not all of its allocation table was checked."
        return Wholeness(Completeness.PRESUMED, (reason,))
    return Wholeness(Completeness.PROVEN, ("Every part that the compound file names lies inside.",))

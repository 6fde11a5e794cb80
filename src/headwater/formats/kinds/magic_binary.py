"""Binary kinds that need a second look: containers by what they hold, and marks too short to trust alone."""

from __future__ import annotations

import re
import struct
from collections.abc import Callable, Iterator
from typing import Final

from headwater.formats.finding import Guess
from headwater.formats.format import Ends
from headwater.formats.layers.zip_kinds import kind_of
from headwater.formats.workbooks.ole2 import ole2_kind

_BOXES: Final = {
    b"avif": "avif",
    b"heic": "heif",
    b"heix": "heif",
    b"mif1": "heif",
    b"qt  ": "mov",
    b"M4A ": "m4a",
    b"M4B ": "m4a",
}
_DBF_VERSIONS: Final = frozenset({0x02, 0x03, 0x04, 0x05, 0x30, 0x31, 0x32, 0x43, 0x63, 0x83, 0x8B, 0xCB, 0xF5})
_MAGIC_PYC: Final = re.compile(rb"[\x00-\xff][\x0c-\x0f]\r\n[\x00-\x03]\x00\x00\x00", re.DOTALL)
_STATA_OLD: Final = frozenset({104, 105, 108, 110, 111, 112, 113, 114, 115})
_EBCDIC_LETTERS: Final = bytes(
    byte
    for first, last in (
        (0x81, 0x89),
        (0x91, 0x99),
        (0xA2, 0xA9),
        (0xC1, 0xC9),
        (0xD1, 0xD9),
        (0xE2, 0xE9),
        (0xF0, 0xF9),
    )
    for byte in range(first, last + 1)
)
_ASCII_LETTERS: Final = b" abcdefghijklmnopqrstuvwxyz"


def looked_into(ends: Ends) -> Iterator[Guess]:
    """What these bytes are by a closer look. Never raises."""
    for look in _LOOKS:
        found = look(ends)
        if found is not None:
            name, confidence, why = found
            yield Guess(name, confidence, (why,))


_Found = tuple[str, float, str] | None


def _zip(ends: Ends) -> _Found:
    kind = kind_of(ends)
    if kind in {"", "zip", "xlsx", "xlsb", "ods"}:
        return None
    return kind, 1.0, "It is a zip, and the names in it are those of this kind."


def _ole2(ends: Ends) -> _Found:
    kind = ole2_kind(ends)
    if kind in {"", "xls"}:
        return None
    return kind, 1.0 if kind != "ole2" else 0.9, "It is an OLE2 compound file, and its streams have such names."


def _boxes(ends: Ends) -> _Found:
    head = ends.head
    if head[4:8] != b"ftyp":
        return ("mov", 0.9, "It is made of QuickTime's atoms.") if head[4:8] in {b"moov", b"mdat"} else None
    return _BOXES.get(head[8:12], "mp4"), 1.0, "Its first box says its kind."


def _bmp(ends: Ends) -> _Found:
    head = ends.head
    if head[:2] != b"BM" or len(head) < 18:  # noqa: PLR2004  (header and the size of the next)
        return None
    size, reserved, _, inner = struct.unpack_from("<4I", head, 2)
    if inner not in {12, 40, 52, 56, 64, 108, 124} or reserved:
        return None
    return "bmp", 1.0 if size == ends.size_bytes else 0.9, "It begins with the headers of a bitmap."


def _programs(ends: Ends) -> _Found:
    head = ends.head
    if head[:2] == b"MZ" and len(head) >= 64:  # noqa: PLR2004  (the DOS header)
        at = int.from_bytes(head[60:64], "little")
        if head[at : at + 4] == b"PE\x00\x00":
            return "pe", 1.0, "It begins with the headers of a Windows program."
        return "dos_exe", 0.7, "It begins with the mark of a DOS program."
    if head[:4] == b"\xca\xfe\xba\xbe" and len(head) >= 8:  # noqa: PLR2004  (mark and version)
        if int.from_bytes(head[4:8], "big") >= 45:  # noqa: PLR2004  (the first version of class files)
            return "java_class", 1.0, "It begins with the mark of a Java class."
        return "mach_o", 0.9, "It begins with the mark of a program for several processors."
    if _MAGIC_PYC.match(head):
        return "pyc", 0.9, "It begins as compiled Python does."
    return None


def _mp3(ends: Ends) -> _Found:
    """Two frames of MPEG audio one after another."""
    head = ends.head
    at = 0
    for _ in range(2):
        if len(head) < at + 4 or head[at] != 0xFF or head[at + 1] & 0xE6 != 0xE2:  # noqa: PLR2004  (sync, layer III)
            return None
        length = _frame_bytes(head[at : at + 4])
        if not length:
            return None
        at += length
    return "mp3", 0.95, "It begins with frames of MPEG audio."


def _frame_bytes(header: bytes) -> int:
    is_first = header[1] >> 3 & 3 == 3  # noqa: PLR2004  (MPEG version 1)
    rates = (32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320)
    lower = (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160)
    rate, sampling = header[2] >> 4, header[2] >> 2 & 3
    if rate in {0, 15} or sampling == 3 or header[1] >> 3 & 3 == 1:  # noqa: PLR2004  (reserved values)
        return 0
    hertz = (44_100, 48_000, 32_000)[sampling] // (1 if is_first else 2 if header[1] >> 3 & 3 == 2 else 4)  # noqa: PLR2004
    kilobits = (rates if is_first else lower)[rate - 1]
    return (144 if is_first else 72) * kilobits * 1000 // hertz + (header[2] >> 1 & 1)


def _shapefile(ends: Ends) -> _Found:
    head = ends.head
    if head[:4] != b"\x00\x00\x27\x0a" or head[28:32] != b"\xe8\x03\x00\x00":
        return None
    return "shapefile", 1.0, "It begins with the header of a shapefile."


def _dbf(ends: Ends) -> _Found:
    head = ends.head
    if len(head) < 68 or head[0] not in _DBF_VERSIONS or not (1 <= head[2] <= 12 and 1 <= head[3] <= 31):  # noqa: PLR2004
        return None
    rows, header_bytes, row_bytes = struct.unpack_from("<IHH", head, 4)
    if header_bytes < 65 or not row_bytes or (header_bytes - 1) % 32 not in {0, 8, 264 % 32}:  # noqa: PLR2004
        return None
    if chr(head[43]) not in "CNLDMFBGPYTIVX@+OQW0" or not re.match(rb"[A-Za-z_]", head[32:33]):
        return None
    fits = ends.size_bytes is not None and 0 <= ends.size_bytes - header_bytes - rows * row_bytes <= 1
    return "dbf", 0.99 if fits else 0.85, "It begins with the header and the fields of a dBase table."


def _pickle(ends: Ends) -> _Found:
    head = ends.head
    if head[:1] != b"\x80" or head[1:2] not in {b"\x02", b"\x03", b"\x04", b"\x05"}:
        return None
    if ends.tail[-1:] != b"." and ends.tail:
        return None
    framed = head[1] >= 4 and head[2:3] == b"\x95"  # noqa: PLR2004  (protocol 4 has frames)
    return "pickle", 0.95 if framed else 0.7, "It begins and ends as a Python pickle does."


def _stata(ends: Ends) -> _Found:
    head = ends.head
    if len(head) > 109 and head[0] in _STATA_OLD and head[1] in {1, 2} and head[2] == 1 and head[3] == 0:  # noqa: PLR2004
        return "stata", 0.9, "It begins with the header of Stata data."
    return None


def _pgp(ends: Ends) -> _Found:
    """The first packet of RFC 9580, 4.2: its tag, a length that fits, and the version behind it."""
    head = ends.head
    if len(head) < 12 or not head[0] & 0x80:  # noqa: PLR2004  (shorter is none; packets set bit 7)
        return None
    if head[0] & 0x40:
        tag, at = head[0] & 0x3F, 2 if head[1] < 192 else 3 if head[1] < 224 else 6 if head[1] == 255 else 2  # noqa: PLR2004
    else:
        tag, at = head[0] >> 2 & 0x0F, (2, 3, 5, 1)[head[0] & 3]
    version = head[at]
    if tag in {1, 3, 6, 2, 5} and version in {2, 3, 4, 5, 6} and _packet_fits(head, tag, at):
        return "pgp", 0.9, "It begins with a packet of PGP."
    return None


def _packet_fits(head: bytes, tag: int, at: int) -> bool:
    if tag == 1:  # a session key under a public key: version 3, then one of its algorithms
        return head[at] == 3 and len(head) > at + 9 and head[at + 9] in {1, 2, 16, 18, 25}  # noqa: PLR2004
    if tag == 3:  # a session key under a password: version, cipher, kind of derivation  # noqa: PLR2004
        return head[at] in {4, 5, 6} and 1 <= head[at + 1] <= 13 and head[at + 2] in {0, 1, 3, 4}  # noqa: PLR2004
    if tag in {5, 6}:
        return head[at] in {3, 4, 6} and head[at + 5] in {1, 2, 3, 16, 17, 18, 19, 22, 25, 27}  # a key, its algorithm
    return head[at] in {3, 4, 6} and head[at + 1] in {0, 1, 2, 16, 17, 18, 19, 24, 31, 32, 40, 48, 64, 80}


def _der(ends: Ends) -> _Found:
    """A SEQUENCE (X.690) that is as long as the file, with a SEQUENCE, an INTEGER or an object's name in it."""
    head = ends.head
    if len(head) < 16 or head[0] != 0x30:  # noqa: PLR2004  (SEQUENCE)
        return None
    length_bytes = head[1] & 0x7F if head[1] & 0x80 else 0
    if length_bytes > 4:  # noqa: PLR2004  (4 GiB)
        return None
    length = int.from_bytes(head[2 : 2 + length_bytes], "big") if length_bytes else head[1]
    at = 2 + length_bytes
    if ends.size_bytes != at + length or head[at] not in {0x30, 0x02, 0x06}:
        return None
    if head[at] == 0x06:  # noqa: PLR2004  (OBJECT IDENTIFIER)
        return "pkcs7", 0.95, "It is one DER value with the name of a message in it."
    return "der", 0.95, "It is one DER value, as certificates and keys are."


def _zlib(ends: Ends) -> _Found:
    head = ends.head
    if len(head) < 8 or head[0] != 0x78 or head[1] not in {0x01, 0x5E, 0x9C, 0xDA}:  # noqa: PLR2004  (RFC 1950)
        return None
    return "zlib", 0.8, "It begins as a zlib stream does."


def _lzma(ends: Ends) -> _Found:
    head = ends.head
    if len(head) < 14 or head[:1] != b"\x5d" or head[13] != 0:  # noqa: PLR2004  (header, and its first byte of data)
        return None
    size = int.from_bytes(head[5:13], "little")
    window = int.from_bytes(head[1:5], "little")
    if window & (window - 1) and (window // 3) & (window // 3 - 1):
        return None
    if size != 0xFFFF_FFFF_FFFF_FFFF and size >> 48:  # noqa: PLR2004  (unknown)
        return None
    return "lzma", 0.85, "It begins as the older format of LZMA does."


def _qvd(ends: Ends) -> _Found:
    if b"<QvdTableHeader>" in ends.head[:1024]:
        return "qvd", 1.0, "It begins with the header of a QlikView table."
    return None


def _bson(ends: Ends) -> _Found:
    head = ends.head
    if len(head) < 8 or head[4] not in {*range(1, 20), 0x7F, 0xFF}:  # noqa: PLR2004  (length, type and a name)
        return None
    length = int.from_bytes(head[:4], "little")
    size = ends.size_bytes or 0
    if not 5 <= length <= size or (length <= len(head) and head[length - 1] != 0):  # noqa: PLR2004
        return None
    name = head[5:69].partition(b"\x00")
    if not name[1] or not name[0].decode("ascii", "replace").isprintable() or not name[0]:
        return None
    return "bson", 0.85 if length < size else 0.9, "It begins with a document of BSON."


def _zeros(ends: Ends) -> _Found:
    if not ends.head.strip(b"\x00") and not ends.tail.strip(b"\x00"):
        return "zeros", 0.9, "Its first and its last bytes are all zero."
    return None


def _ebcdic(ends: Ends) -> _Found:
    """Letters, digits and blanks of EBCDIC, and hardly anything that ASCII prints."""
    data = ends.head[:8192]
    if len(data) < 40:  # noqa: PLR2004  (half a card)
        return None
    letters = len(data) - len(data.translate(None, _EBCDIC_LETTERS))
    blanks = data.count(b"\x40")
    ascii_letters = len(data) - len(data.translate(None, _ASCII_LETTERS))
    if (letters + blanks) / len(data) > 0.7 and blanks and ascii_letters / len(data) < 0.12:  # noqa: PLR2004
        return "ebcdic", 0.9, "Its bytes are letters, digits and blanks of EBCDIC."
    return None


_LOOKS: Final[tuple[Callable[[Ends], _Found], ...]] = (
    _zip,
    _ole2,
    _boxes,
    _bmp,
    _programs,
    _mp3,
    _shapefile,
    _dbf,
    _pickle,
    _stata,
    _pgp,
    _der,
    _zlib,
    _lzma,
    _qvd,
    _bson,
    _zeros,
    _ebcdic,
)

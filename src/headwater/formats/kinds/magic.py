"""Magic numbers: what binary kinds begin with, by the documents of each; recognised and named, no more.

Kinds that a module of `formats/` describes are recognised there. `kinds` adds what needs more than a fixed place.
"""

from __future__ import annotations

from typing import Final

import msgspec

from headwater.formats.finding import Guess
from headwater.formats.format import Ends
from headwater.formats.kinds.kind_names import spoken_kind
from headwater.formats.kinds.magic_binary import looked_into
from headwater.formats.kinds.magic_text import read_as_text


class Mark(msgspec.Struct, frozen=True):
    """A magic number: these bytes at this offset. `behind` must stand at its own place too."""

    format: str
    magic: bytes
    offset: int = 0
    confidence: float = 1.0
    behind: bytes = b""
    behind_at: int = 0


_MARKS: Final = (
    Mark("feather_v1", b"FEA1"),
    Mark("hdf5", b"\x89HDF\r\n\x1a\n"),
    Mark("netcdf", b"CDF\x01"),
    Mark("netcdf", b"CDF\x02"),
    Mark("netcdf", b"CDF\x05"),
    Mark("sas7bdat", b"\x00" * 12 + bytes.fromhex("c2ea8160b31411cfbd92080009c7318c181f1011")),
    Mark("sas_xport", b"HEADER RECORD*******LIB"),
    Mark("spss", b"$FL2"),
    Mark("spss", b"$FL3"),
    Mark("stata", b"<stata_dta>"),
    Mark("rdata", b"RDX2\nX\n"),
    Mark("rdata", b"RDX3\nX\n"),
    Mark("rdata", b"RDA2\nA\n"),
    Mark("rdata", b"RDA3\nA\n"),
    Mark("rds", b"X\n\x00\x00\x00\x02\x00"),
    Mark("rds", b"X\n\x00\x00\x00\x03\x00"),
    Mark("npy", b"\x93NUMPY"),
    Mark("matlab", b"MATLAB 5.0 MAT-file"),
    Mark("mtf", b"TAPE\x00\x00"),
    Mark("mtf", b"TAPE\x03\x00"),
    Mark("access", b"\x00\x01\x00\x00Standard Jet DB"),
    Mark("access", b"\x00\x01\x00\x00Standard ACE DB"),
    Mark("duckdb", b"DUCK", 8),
    Mark("rcfile", b"RCF\x01"),
    Mark("sequence_file", b"SEQ\x06"),
    Mark("sequence_file", b"SEQ\x05"),
    Mark("puffin", b"PFA1"),
    Mark("flatgeobuf", b"fgb\x03fgb"),
    Mark("grib", b"GRIB"),
    Mark("fits", b"SIMPLE  =                    T"),
    Mark("pcap", b"\xd4\xc3\xb2\xa1"),
    Mark("pcap", b"\xa1\xb2\xc3\xd4"),
    Mark("pcap", b"\x4d\x3c\xb2\xa1"),
    Mark("pcapng", b"\x0a\x0d\x0d\x0a", behind=b"\x4d\x3c\x2b\x1a", behind_at=8),
    Mark("pcapng", b"\x0a\x0d\x0d\x0a", behind=b"\x1a\x2b\x3c\x4d", behind_at=8),
    Mark("evtx", b"ElfFile\x00"),
    Mark("pdf", b"%PDF-"),
    Mark("postscript", b"%!PS"),
    Mark("rtf", b"{\\rtf"),
    Mark("png", b"\x89PNG\r\n\x1a\n"),
    Mark("jpeg", b"\xff\xd8\xff"),
    Mark("jpeg2000", b"\x00\x00\x00\x0cjP  \r\n\x87\n"),
    Mark("jpegxl", b"\x00\x00\x00\x0cJXL \r\n\x87\n"),
    Mark("gif", b"GIF87a"),
    Mark("gif", b"GIF89a"),
    Mark("tiff", b"II*\x00"),
    Mark("tiff", b"MM\x00*"),
    Mark("tiff", b"II+\x00\x08\x00\x00\x00"),
    Mark("tiff", b"MM\x00+\x00\x08\x00\x00"),
    Mark("webp", b"RIFF", behind=b"WEBP", behind_at=8),
    Mark("wav", b"RIFF", behind=b"WAVE", behind_at=8),
    Mark("avi", b"RIFF", behind=b"AVI ", behind_at=8),
    Mark("wav", b"RF64", behind=b"WAVE", behind_at=8),
    Mark("aiff", b"FORM", behind=b"AIFF", behind_at=8),
    Mark("aiff", b"FORM", behind=b"AIFC", behind_at=8),
    Mark("psd", b"8BPS\x00\x01"),
    Mark("dicom", b"DICM", 128),
    Mark("mp3", b"ID3\x02"),
    Mark("mp3", b"ID3\x03"),
    Mark("mp3", b"ID3\x04"),
    Mark("matroska", b"\x1aE\xdf\xa3"),
    Mark("ogg", b"OggS\x00"),
    Mark("flac", b"fLaC"),
    Mark("midi", b"MThd\x00\x00\x00\x06"),
    Mark("mpeg", b"\x00\x00\x01\xba"),
    Mark("flv", b"FLV\x01"),
    Mark("asf", bytes.fromhex("3026b2758e66cf11a6d900aa0062ce6c")),
    Mark("elf", b"\x7fELF"),
    Mark("mach_o", b"\xcf\xfa\xed\xfe"),
    Mark("mach_o", b"\xce\xfa\xed\xfe"),
    Mark("wasm", b"\x00asm"),
    Mark("dex", b"dex\n03"),
    Mark("7z", b"7z\xbc\xaf\x27\x1c"),
    Mark("rar", b"Rar!\x1a\x07\x00"),
    Mark("rar", b"Rar!\x1a\x07\x01\x00"),
    Mark("cab", b"MSCF\x00\x00\x00\x00"),
    Mark("deb", b"!<arch>\ndebian-binary"),
    Mark("ar", b"!<arch>\n", confidence=0.99),
    Mark("rpm", b"\xed\xab\xee\xdb"),
    Mark("cpio", b"070701"),
    Mark("cpio", b"070702"),
    Mark("cpio", b"070707"),
    Mark("xar", b"xar!\x00\x1c"),
    Mark("iso9660", b"CD001", 0x8001),
    Mark("squashfs", b"hsqs"),
    Mark("lzip", b"LZIP\x01"),
    Mark("lzop", b"\x89LZO\x00\r\n\x1a\n"),
    Mark("compress", b"\x1f\x9d"),
    Mark("snappy_framed", b"\xff\x06\x00\x00sNaPpY"),
    Mark("arj", b"\x60\xea", confidence=0.6),
    Mark("lha", b"-lh5-", 2),
    Mark("lha", b"-lh0-", 2),
    Mark("age", b"age-encryption.org/v1"),
    Mark("age", b"-----BEGIN AGE ENCRYPTED FILE-----"),
    Mark("openssl_salted", b"Salted__"),
    Mark("jks", b"\xfe\xed\xfe\xed"),
    Mark("woff", b"wOFF"),
    Mark("woff2", b"wOF2"),
    Mark("truetype", b"\x00\x01\x00\x00\x00", confidence=0.8),
    Mark("opentype", b"OTTO\x00"),
    Mark("torrent", b"d8:announce"),
    Mark("git_pack", b"PACK\x00\x00\x00\x02"),
    Mark("git_bundle", b"# v2 git bundle\n"),
    Mark("git_bundle", b"# v3 git bundle\n"),
    Mark("plist", b"bplist0"),
    Mark("ico", b"\x00\x00\x01\x00", confidence=0.7),
    Mark("variants", b"##fileformat=VCFv"),
)


def kinds(ends: Ends) -> list[Guess]:
    """Every kind without a module of its own that these bytes may be. Never raises."""
    head = ends.head
    found = [
        Guess(mark.format, mark.confidence, (f"It begins with the mark of {spoken_kind(mark.format)}.",))
        for mark in _MARKS
        if head.startswith(mark.magic, mark.offset)
        and (not mark.behind or head.startswith(mark.behind, mark.behind_at))
    ]
    found += looked_into(ends)
    found += read_as_text(ends)
    return found

"""Archives, compressions, pictures, sound, programs, documents: by real writers where Python has them, else by hand."""

from __future__ import annotations

import base64
import bz2
import gzip
import io
import lzma
import struct
import tarfile
import wave
import zlib

import pyarrow as pa
import zstandard

from tests.corpus.detection.tables import Make, noise, zipped
from tests.corpus.detection.texts import csv_text
from tests.corpus.detection.words import Chance


def gzipped(chance: Chance) -> bytes:
    """One member or two."""
    return b"".join(gzip.compress(csv_text(chance), chance.choice([1, 9])) for _ in range(chance.choice([1, 1, 2])))


def zstd(chance: Chance) -> bytes:
    """By zstandard."""
    return zstandard.ZstdCompressor(level=3, write_checksum=chance.random() < 0.5).compress(csv_text(chance))


def lz4(chance: Chance) -> bytes:
    """A frame by pyarrow."""
    packed: bytes = pa.Codec("lz4").compress(csv_text(chance), asbytes=True)
    return packed


def tar(chance: Chance) -> bytes:
    """By tarfile, in its three formats."""
    out = io.BytesIO()
    kind = chance.choice([tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
    with tarfile.open(fileobj=out, mode="w", format=kind) as archive:
        for number in range(chance.randrange(1, 5)):
            data = csv_text(chance)
            info = tarfile.TarInfo(f"data/{chance.thing}_{number}.csv" if number % 2 else f"{chance.name}_{number}.csv")
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return out.getvalue()


def plain_zip(chance: Chance) -> bytes:
    """Of data files."""
    return zipped({f"{chance.thing}_{number}.csv": csv_text(chance) for number in range(chance.randrange(1, 5))})


def office(part: str, kind: str) -> Make:
    """A document of Office Open XML."""

    def make(chance: Chance) -> bytes:
        types = (
            '<?xml version="1.0"?><Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">'
            f'<Override PartName="/{part}" '
            f'ContentType="application/vnd.openxmlformats-officedocument.{kind}+xml"/></Types>'
        )
        return zipped(
            {"[Content_Types].xml": types, "_rels/.rels": "<Relationships/>", part: f"<a>{chance.prose(3)}</a>"}
        )

    return make


def jar(chance: Chance) -> bytes:
    """Java classes."""
    manifest = f"Manifest-Version: 1.0\r\nCreated-By: {chance.randrange(11, 21)}\r\n\r\n"
    return zipped({"META-INF/MANIFEST.MF": manifest, f"org/{chance.thing}/A.class": java_class(chance)})


def epub(chance: Chance) -> bytes:
    """A book."""
    members: dict[str, str | bytes] = {
        "mimetype": "application/epub+zip",
        "META-INF/container.xml": "<container/>",
        "1.xhtml": f"<html>{chance.prose(9)}</html>",
    }
    return zipped(members, first_stored=True)


def png(chance: Chance) -> bytes:
    """Of one colour."""
    wide, high = chance.randrange(1, 60), chance.randrange(1, 60)
    rows = (b"\0" + bytes([chance.randrange(256)]) * 3 * wide) * high

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = chunk(b"IHDR", struct.pack(">IIBBBBB", wide, high, 8, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + head + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


def jpeg(chance: Chance) -> bytes:
    """JFIF or Exif, the picture itself left to chance."""
    mark = chance.choice(
        [b"\xff\xe0\x00\x10JFIF\x00\x01\x01\0\0\1\0\1\0\0", b"\xff\xe1\x00\x10Exif\0\0MM\0*\0\0\0\x08"]
    )
    scan = noise(chance, 900).replace(b"\xff", b"\xfe")
    quant = b"\xff\xdb\x00\x43\x00" + bytes(range(1, 65))
    return b"\xff\xd8" + mark + quant + b"\xff\xda\x00\x08\x01\x01\x00\x00\x3f\x00" + scan + b"\xff\xd9"


def gif(chance: Chance) -> bytes:
    """One pixel and a comment."""
    head = chance.choice([b"GIF87a", b"GIF89a"]) + struct.pack("<HHBBB", 1, 1, 0x80, 0, 0) + noise(chance, 6)
    return head + b"\x2c\0\0\0\0\1\0\1\0\0\2\2\x44\1\0\x3b"


def bmp(chance: Chance) -> bytes:
    """24 bits a pixel."""
    side = chance.randrange(1, 20) * 4
    pixels = noise(chance, 3 * side * side)
    info = struct.pack("<IiiHHIIiiII", 40, side, side, 1, 24, 0, len(pixels), 2835, 2835, 0, 0)
    return b"BM" + struct.pack("<IHHI", 54 + len(pixels), 0, 0, 54) + info + pixels


def tiff(chance: Chance) -> bytes:
    """Both byte orders."""
    order = chance.choice("<>")
    pixels = noise(chance, 64)
    tags = [(256, 3, 8), (257, 3, 8), (258, 3, 8), (259, 3, 1), (262, 3, 1), (273, 4, 8), (278, 3, 8), (279, 4, 64)]
    entries = b"".join(
        struct.pack(order + "HHI", tag, kind, 1) + struct.pack(order + ("I" if kind == 4 else "Hxx"), value)
        for tag, kind, value in tags
    )
    head = (b"II" if order == "<" else b"MM") + struct.pack(order + "HI", 42, 8 + len(pixels))
    return head + pixels + struct.pack(order + "H", len(tags)) + entries + b"\0\0\0\0"


def riff(kind: bytes, first: bytes) -> Make:
    """A file of chunks."""

    def make(chance: Chance) -> bytes:
        data = noise(chance, chance.randrange(20, 400) * 2)
        chunk = first + struct.pack("<I", len(data)) + data
        return b"RIFF" + struct.pack("<I", len(chunk) + 4) + kind + chunk

    return make


def wav(chance: Chance) -> bytes:
    """By wave."""
    out = io.BytesIO()
    with wave.open(out, "wb") as sound:
        sound.setnchannels(1)
        sound.setsampwidth(2)
        sound.setframerate(chance.choice([8000, 44100]))
        sound.writeframes(noise(chance, 800))
    return out.getvalue()


def mp3(chance: Chance) -> bytes:
    """With a tag and some frames of silence."""
    frames = (b"\xff\xfb\x90\x64" + b"\0" * 413) * 6
    title = chance.name.encode("latin-1", "replace")
    frame = b"TIT2" + struct.pack(">IH", len(title) + 1, 0) + b"\0" + title
    return b"ID3\x03\0\0" + struct.pack(">I", len(frame)) + frame + frames


def mp4(chance: Chance) -> bytes:
    """Boxes."""
    brand = chance.choice([b"isom", b"mp42", b"avc1"])
    head = struct.pack(">I4s4sI4s", 20, b"ftyp", brand, 512, b"isom")
    data = noise(chance, 500)
    return (
        head + struct.pack(">I4s", 8 + 100, b"moov") + b"\0" * 100 + struct.pack(">I4s", 8 + len(data), b"mdat") + data
    )


def ogg(chance: Chance) -> bytes:
    """A page of Vorbis or Opus."""
    packet = chance.choice([b"\x01vorbis" + b"\0" * 23, b"OpusHead\x01\x02" + b"\0" * 9])
    head = b"OggS\0\x02" + b"\0" * 8 + struct.pack("<III", chance.randrange(1 << 30), 0, 0)
    return head + bytes([1, len(packet)]) + packet


def pdf(chance: Chance) -> bytes:
    """With its table of cross references, sometimes binary streams."""
    text = f"BT /F1 12 Tf 72 712 Td ({chance.prose(1)}) Tj ET".encode("latin-1", "replace")
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents 4 0 R >>",
        b"<< /Length %d >>\nstream\n%s\nendstream" % (len(text), text),
    ]
    out = b"%%PDF-1.%d\n%%\xe2\xe3\xcf\xd3\n" % chance.randrange(3, 8)
    offsets = []
    for number, each in enumerate(objects, 1):
        offsets.append(len(out))
        out += b"%d 0 obj\n%s\nendobj\n" % (number, each)
    table = b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
    tail = b"trailer\n<< /Size 5 /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n" % len(out)
    return out + b"xref\n0 5\n0000000000 65535 f \n" + table + tail


def java_class(chance: Chance) -> bytes:
    """The head of a class file."""
    return (
        struct.pack(">IHHH", 0xCAFEBABE, 0, chance.randrange(49, 65), 3) + b"\x01\0\x01A\x07\0\x01" + noise(chance, 90)
    )


def pe(chance: Chance) -> bytes:
    """A program for Windows."""
    stub = b"MZ" + b"\0" * 58 + struct.pack("<I", 128) + b"\x0e\x1f\xba\x0e\0\xb4\x09\xcd\x21This program cannot be run"
    return (
        stub.ljust(128, b"\0") + b"PE\0\0" + struct.pack("<HHIIIHH", 0x8664, 1, 0, 0, 0, 240, 0x22) + noise(chance, 600)
    )


def armoured(kind: str) -> Make:
    """Text armour around bytes: PEM, and OpenPGP with a header of its own."""

    def make(chance: Chance) -> bytes:
        packed = base64.encodebytes(noise(chance, chance.randrange(200, 900))).decode()
        head = f"Version: {chance.randrange(9)}\n\n" if kind.startswith("PGP") else ""
        return f"-----BEGIN {kind}-----\n{head}{packed}-----END {kind}-----\n".encode()

    return make


def _headed(*heads: bytes) -> Make:
    def make(chance: Chance) -> bytes:
        return chance.choice(heads) + noise(chance, chance.randrange(600, 3000))

    return make


def _dicom(chance: Chance) -> bytes:
    return b"\0" * 128 + b"DICM\x02\0\0\0UL\x04\0" + noise(chance, 400)


def _iso(chance: Chance) -> bytes:
    return b"\0" * 32768 + b"\x01CD001\x01\0" + chance.town.encode().ljust(64) + b"\0" * 4000


def _mono(chance: Chance) -> bytes:
    return b"MATLAB 5.0 MAT-file, Platform: GLNXA64, Created on: Mon Jan  1".ljust(124) + b"\0\1IM" + noise(chance, 300)


MAKERS: dict[str, Make] = {
    "gzip": gzipped,
    "zstd": zstd,
    "bzip2": lambda chance: bz2.compress(csv_text(chance)),
    "xz": lambda chance: lzma.compress(csv_text(chance)),
    "lz4": lz4,
    "zip": plain_zip,
    "tar": tar,
    "7z": lambda chance: b"7z\xbc\xaf\x27\x1c\0\4" + noise(chance, 700),
    "rar": _headed(
        b"Rar!\x1a\x07\0\xcf\x90\x73\0\0\x0d\0\0\0\0\0\0\0", b"Rar!\x1a\x07\x01\0\x33\x92\xb5\xe5\x0a\x01\x05\x06"
    ),
    "docx": office("word/document.xml", "wordprocessingml.document.main"),
    "pptx": office("ppt/presentation.xml", "presentationml.presentation.main"),
    "jar": jar,
    "epub": epub,
    "png": png,
    "jpeg": jpeg,
    "gif": gif,
    "bmp": bmp,
    "tiff": tiff,
    "webp": riff(b"WEBP", b"VP8 "),
    "avi": riff(b"AVI ", b"LIST"),
    "wav": wav,
    "mp3": mp3,
    "mp4": mp4,
    "ogg": ogg,
    "flac": lambda chance: b"fLaC\0\0\0\x22" + struct.pack(">HH", 4096, 4096) + noise(chance, 600),
    "pdf": pdf,
    "java_class": java_class,
    "pe": pe,
    "wasm": lambda chance: b"\0asm\1\0\0\0\1\4\1\x60\0\0" + noise(chance, 200),
    "pem": armoured("CERTIFICATE"),
    "pgp_armor": armoured("PGP MESSAGE"),
    "hdf5": lambda chance: b"\x89HDF\r\n\x1a\n\0\0\0\0\0\x08\x08\0\4\0\x10\0" + b"\0" * 64 + noise(chance, 900),
    "netcdf": lambda chance: (
        b"CDF" + bytes([chance.choice([1, 2])]) + b"\0\0\0\0\0\0\0\x0a\0\0\0\1" + noise(chance, 300)
    ),
    "matlab": _mono,
    "pcap": lambda chance: (
        struct.pack(chance.choice("<>") + "IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 1) + noise(chance, 300)
    ),
    "dicom": _dicom,
    "iso9660": _iso,
    "rtf": lambda chance: (
        b"{\\rtf1\\ansi\\deff0 {\\fonttbl {\\f0 Times;}}\n\\f0 " + chance.prose(4).encode() + b"\\par\n}"
    ),
    "postscript": lambda chance: (
        b"%!PS-Adobe-3.0\n%%Pages: 1\n/Times findfont 12 scalefont setfont\n(" + chance.name.encode() + b") show\n"
    ),
}

"""How many of 1,000 and more files of 80 kinds are recognised, names removed.

`python -m tests.corpus.judge_detection [--each N] [--misses]`: N files of each kind that is made.

Beside it stands libmagic over the same bytes. It has no word for some kinds, and calls them what is nearest; where it
has none but "plain text" or "data", that counts as right in the kinder of its two figures.
"""

from __future__ import annotations

import sys
import zlib
from collections import Counter
from collections.abc import Iterator

from headwater.formats.detect import detect
from headwater.formats.examine import ends_of
from headwater.testing.memory_ranges import MemoryRanges
from tests.corpus.detection import media, real, tables, texts
from tests.corpus.detection.words import Chance
from tests.corpus.judge_csv import HERE, labels

EACH = 16
REAL_EACH_MAX = 25
CSV_EACH_PART = 60
ALSO = {
    "python": {"source"},
    "markdown": {"text"},
    "css": {"source", "text"},
    "m4a": {"mp4"},
    "ini": {"toml"},
    "docx": {"word"},
}
"""Other words that are right as well."""

MIME = {
    "7z": "application/x-7z-compressed",
    "arrow": "application/vnd.apache.arrow.file application/vnd.apache.arrow.stream",
    "avi": "video/x-msvideo",
    "avro": "application/avro application/x-avro",
    "bmp": "image/bmp",
    "bzip2": "application/x-bzip2",
    "css": "text/css",
    "csv": "text/csv",
    "dbf": "application/x-dbf",
    "dicom": "application/dicom",
    "diff": "text/x-diff",
    "docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    "elf": "application/x-sharedlib application/x-executable application/x-pie-executable",
    "eml": "message/rfc822 text/x-mail",
    "epub": "application/epub+zip",
    "flac": "audio/flac",
    "gif": "image/gif",
    "gzip": "application/gzip",
    "hdf5": "application/x-hdf5 application/x-hdf",
    "html": "text/html",
    "ics": "text/calendar",
    "ini": "application/x-wine-extension-ini text/x-ini",
    "iso9660": "application/x-iso9660-image",
    "jar": "application/java-archive application/x-java-archive",
    "java_class": "application/x-java-applet application/java-vm",
    "jpeg": "image/jpeg",
    "json": "application/json",
    "lz4": "application/x-lz4",
    "matlab": "application/x-matlab-data",
    "mp3": "audio/mpeg",
    "mp4": "video/mp4",
    "ndjson": "application/x-ndjson application/json",
    "netcdf": "application/x-netcdf",
    "npy": "application/x-numpy-data",
    "ods": "application/vnd.oasis.opendocument.spreadsheet",
    "ogg": "audio/ogg application/ogg video/ogg",
    "orc": "application/x-orc application/vnd.apache.orc",
    "parquet": "application/vnd.apache.parquet",
    "pcap": "application/vnd.tcpdump.pcap",
    "pdf": "application/pdf",
    "pe": "application/x-dosexec application/vnd.microsoft.portable-executable",
    "pem": "application/x-x509-ca-cert application/x-pem-file",
    "pgp_armor": "application/pgp-encrypted text/PGP application/pgp",
    "png": "image/png",
    "postscript": "application/postscript",
    "pptx": "application/vnd.openxmlformats-officedocument.presentationml.presentation",
    "pyc": "text/x-bytecode.python application/x-bytecode.python",
    "python": "text/x-python text/x-script.python",
    "rar": "application/x-rar",
    "rtf": "text/rtf",
    "shapefile": "application/x-shapefile",
    "shell": "text/x-shellscript",
    "sqlite": "application/vnd.sqlite3 application/x-sqlite3",
    "stata": "application/x-stata-dta",
    "tar": "application/x-tar",
    "text": "text/plain",
    "tiff": "image/tiff",
    "vcf": "text/vcard",
    "wasm": "application/wasm",
    "wav": "audio/x-wav audio/wav",
    "webp": "image/webp",
    "xls": "application/vnd.ms-excel application/x-ole-storage application/CDFV2",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "xml": "text/xml application/xml image/svg+xml application/vnd.google-earth.kml+xml",
    "xz": "application/x-xz",
    "zip": "application/zip",
    "zstd": "application/zstd",
}
NEAREST = {"text/plain", "application/octet-stream"}


def corpus(each: int) -> Iterator[tuple[str, str, bytes]]:
    """Kind, where it comes from, and contents."""
    for part in ("tune", "aside"):
        chosen = [label for label in labels(part) if label.format == ["csv"] and label.columns != [1]]
        for label in chosen[:: max(1, len(chosen) // CSV_EACH_PART)]:
            yield "csv", f"{part}/{label.file}", (HERE / part / label.file).read_bytes()
    for kind, make in (tables.MAKERS | media.MAKERS | texts.MAKERS).items():
        for number in range(each):
            yield kind, f"made {kind} {number}", make(Chance(zlib.crc32(f"{kind} {number}".encode())))
    yield from real.real_files(Chance(5), REAL_EACH_MAX * each // EACH)


def libmagic(data: bytes) -> str | None:
    """The MIME type; None where libmagic is not on this machine."""
    try:
        import magic  # noqa: PLC0415  (libmagic may not be here)
    except ImportError:
        return None
    return str(magic.from_buffer(data, mime=True))


def judge(each: int = EACH) -> tuple[dict[str, float], Counter[tuple[str, str]], list[str]]:
    """Percentages and counts by name, what was taken for what, and where."""
    ours, strict, kind_hits, total = 0, 0, 0, 0
    confusion: Counter[tuple[str, str]] = Counter()
    misses, kinds = [], set()
    beside = True
    for kind, origin, data in corpus(each):
        total += 1
        kinds.add(kind)
        said = detect(ends_of(MemoryRanges(data)))[0].value
        if said == kind or said in ALSO.get(kind, ()):
            ours += 1
        else:
            confusion[kind, said] += 1
            misses.append(
                f"{kind} taken for {said}: {origin}" if not origin.startswith("aside") else f"{kind} taken for {said}"
            )
        mime = libmagic(data)
        beside = beside and mime is not None
        names = set(MIME.get(kind, "").split())
        strict += mime in names
        kind_hits += mime in names or (not names and mime in NEAREST)
    figures = {"files": total, "kinds": len(kinds), "ours": 100 * ours / total}
    if beside:
        figures |= {"libmagic": 100 * strict / total, "libmagic, kindly": 100 * kind_hits / total}
    return figures, confusion, misses


def main() -> None:
    """Prints the figures and the confusion."""
    each = int(sys.argv[sys.argv.index("--each") + 1]) if "--each" in sys.argv else EACH
    figures, confusion, misses = judge(each)
    for name, value in figures.items():
        print(f"{name:20} {value:,.4g}")  # noqa: T201  (what it is for)
    for (kind, said), count in confusion.most_common():
        print(f"{count:5}  {kind} taken for {said}")  # noqa: T201
    if "--misses" in sys.argv:
        print("\n".join(misses))  # noqa: T201


if __name__ == "__main__":
    main()

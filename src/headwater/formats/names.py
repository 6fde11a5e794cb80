"""What a file's name says it is, and whether its bytes agree. The name is recorded, and never believed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from headwater.formats.finding import Guess, Layer, Problem
from headwater.formats.kinds.kind_names import SPOKEN

BY_SUFFIX: Final[dict[str, frozenset[str]]] = {
    suffix: frozenset(formats.split())
    for suffixes, formats in {
        "csv": "csv fixed_width text",
        "tsv tab psv": "csv",
        "txt dat asc prn": (
            "csv fixed_width text sql_dump json ndjson xml edifact x12 hl7 swift ldif vcf ics fasta log metrics "
            "markdown ini yaml properties"
        ),
        "json": "json ndjson",
        "ndjson jsonl jsonlines": "ndjson",
        "geojson": "json",
        "xml xsd": "xml",
        "parquet pq parq": "parquet",
        "avro": "avro",
        "orc": "orc",
        "arrow feather ipc arrows": "arrow feather_v1",
        "xlsx xlsm": "xlsx",
        "xlsb": "xlsb",
        "xls": "xls",
        "ods": "ods",
        "sql": "sql_dump",
        "dump pgdump": "sql_dump",
        "sqlite sqlite3 db db3": "sqlite",
        "pdf": "pdf",
        "png": "png",
        "jpg jpeg": "jpeg",
        "gif": "gif",
        "html htm": "html",
    }.items()
    for suffix in suffixes.split()
}
"""What a suffix promises, by the formats that keep the promise."""

LAYER_BY_SUFFIX: Final = {
    "gz": "gzip",
    "gzip": "gzip",
    "zst": "zstd",
    "zstd": "zstd",
    "bz2": "bzip2",
    "xz": "xz",
    "lz4": "lz4",
    "zip": "zip",
    "tar": "tar",
}
_TWO_IN_ONE: Final = {"tgz": ("tar", "gz"), "tbz2": ("tar", "bz2"), "txz": ("tar", "xz"), "tzst": ("tar", "zst")}
_INSIDE_ZIP: Final = frozenset({"xlsx", "xlsb", "ods", "zip"})


def suffixes(name: str) -> list[str]:
    """The suffixes of a name, in lower case, innermost first: `a.csv.gz` → csv, gz."""
    parts = name.rpartition("/")[2].lower().split(".")[1:][-3:]
    return [each for part in parts for each in _TWO_IN_ONE.get(part, (part,))]


def disagreement(name: str, best: Guess, layers: Sequence[Layer]) -> list[Problem]:
    """Problems where the name promises another format or another compression than the bytes have."""
    told = suffixes(name)
    problems = []
    said = [LAYER_BY_SUFFIX[each] for each in reversed(told) if each in LAYER_BY_SUFFIX]
    real = [layer.format for layer in layers]
    if real and not said and best.value in _INSIDE_ZIP:
        real = []
    if best.value == "sql_dump" and said[-1:] == ["tar"] and "tar" not in real:
        said = said[:-1]  # pg_dump's own tar is a dump of one piece
    if best.value in LAYER_BY_SUFFIX.values() and best.value not in real:
        real.append(best.value)
    if said != real and (said or real):
        promised, found = " in ".join(said) or "no compression", " in ".join(real) or "no compression"
        problems.append(
            Problem(
                "name_disagrees_compression",
                f"The name promises {promised}, the bytes have {found}; readers that go by the name will fail.",
            )
        )
    plain = [each for each in told if each not in LAYER_BY_SUFFIX]
    promised_formats = BY_SUFFIX.get(plain[-1]) if plain else None
    known = best.value not in {"unknown", "empty"} and best.value not in LAYER_BY_SUFFIX.values()
    if promised_formats and known and best.value not in promised_formats:
        problems.append(
            Problem("name_disagrees", f"The name ends in .{plain[-1]}, but the contents are {spoken(best.value)}.")
        )
    return problems


def spoken(format_name: str) -> str:
    """A format as people say it."""
    return {
        "ndjson": "NDJSON (one JSON value a line)",
        "json": "JSON",
        "csv": "delimited text (CSV)",
        "fixed_width": "fixed-width text",
        "xml": "XML",
        "sql_dump": "an SQL dump",
        "sqlite": "an SQLite database",
        "parquet": "Parquet",
        "avro": "Avro",
        "orc": "ORC",
        "arrow": "Arrow IPC",
        "xlsx": "an Excel workbook (.xlsx)",
        "xls": "an old Excel workbook (.xls)",
        "text": "plain text",
        "unknown": "of no kind that is known",
    }.get(format_name) or SPOKEN.get(format_name, format_name.upper())

"""What inspection says of a delivery: the words of a finding. Frozen values; every text in them is for people.

A finding is the same for the same bytes, name and detector version, whoever makes it and when: no clock and no machine
stands in it.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Final

import msgspec

from headwater.terms import Completeness

DETECTOR: Final = "1"
"""The version of what makes findings; a finding of another version is made again by `inspect --again`."""

SAMPLES_MAX: Final = 5
SAMPLE_CHARS_MAX: Final = 80
COLUMNS_MAX: Final = 10_000
PROBLEMS_MAX: Final = 100


class Type(StrEnum):
    """What the values of a column can be read as."""

    NULL = "null"  # nothing but nulls was seen
    BOOLEAN = "boolean"
    INTEGER = "integer"
    DECIMAL = "decimal"  # a decimal fraction, or an integer beyond 64 bits
    FLOAT = "float"  # with an exponent, NaN or infinity
    DATE = "date"
    TIME = "time"
    TIMESTAMP = "timestamp"
    TIMESTAMPTZ = "timestamptz"  # with an offset from UTC
    TEXT = "text"
    BINARY = "binary"
    LIST = "list"
    STRUCT = "struct"
    JSON = "json"  # of more than one shape


class Guess(msgspec.Struct, frozen=True):
    """An answer with how sure it is (0 to 1) and why, one sentence each."""

    value: str
    confidence: float
    evidence: tuple[str, ...] = ()


class Problem(msgspec.Struct, frozen=True, omit_defaults=True):
    """Something that looks wrong. `code` is one of docs/reference/findings.md; `row` counts from 1 after the header,
    `at` is an offset in bytes of the unpacked contents.
    """

    code: str
    sentence: str
    count: int = 1
    table: str = ""
    column: str = ""
    row: int | None = None
    at: int | None = None
    examples: tuple[str, ...] = ()


class Encoding(msgspec.Struct, frozen=True, omit_defaults=True):
    """How text is written. `name` is Python's name of the codec; `is_certain` where a mark or strict UTF-8 says so."""

    name: str
    confidence: float
    evidence: tuple[str, ...] = ()
    alternatives: tuple[Guess, ...] = ()
    bom_bytes: int = 0
    is_certain: bool = False


class Column(msgspec.Struct, frozen=True, omit_defaults=True):
    """A column: as written, and as it could be read. What is None was not counted.

    `format` is the strptime pattern of dates and times; `true_texts`/`false_texts` how booleans are written;
    `distinct` is an estimate beyond 1,000 or so; `min` and `max` are texts in the order of `type`.
    """

    name: str
    type: Type = Type.TEXT
    written: str = "text"
    confidence: float = 1.0
    format: str = ""
    decimal_mark: str = "."
    thousands_mark: str = ""
    null_texts: tuple[str, ...] = ()
    true_texts: tuple[str, ...] = ()
    false_texts: tuple[str, ...] = ()
    misfits: int | None = None  # values that cannot be read as `type`
    nulls: int | None = None
    distinct: int | None = None
    min: str | None = None
    max: str | None = None
    length_min: int | None = None  # characters
    length_max: int | None = None
    is_unique: bool | None = None
    samples: tuple[str, ...] = ()
    path: tuple[str, ...] = ()  # where in a record of JSON or XML it lies, if not directly under its name


class Table(msgspec.Struct, frozen=True, omit_defaults=True):
    """Rows under columns. A file of one table calls it "", a dump, workbook or database by its names."""

    name: str = ""
    columns: tuple[Column, ...] = ()
    rows: int | None = None  # None: not counted
    rows_by: str = "counted"  # counted, stated (by the file itself), estimated


class Csv(msgspec.Struct, frozen=True, omit_defaults=True, tag_field="kind", tag="csv"):
    """Delimited text. Rows are counted without blank lines.

    `skip_lines` stand before the header (a preamble), `header_rows` make the names, `footer_rows` after the data are
    no data; `footer_count` is the number of rows that such a trailer states. `escape` is "" where a quote in quoted
    text is doubled. `short_rows`/`long_rows` have fewer or more fields than columns.
    """

    delimiter: str
    quote: str = '"'
    escape: str = ""
    line_end: str = "\n"  # \n, \r\n, \r, or "mixed"
    skip_lines: int = 0
    header_rows: int = 1
    footer_rows: int = 0
    footer_count: int | None = None
    comment: str = ""
    pads: bool = False  # blanks after the delimiter are no part of the fields
    null_texts: tuple[str, ...] = ()
    short_rows: int = 0
    long_rows: int = 0


class FixedWidth(msgspec.Struct, frozen=True, omit_defaults=True, tag_field="kind", tag="fixed_width"):
    """Text in columns of fixed width: (first, end) of each field in characters of the line, end exclusive."""

    fields: tuple[tuple[int, int], ...]
    skip_lines: int = 0
    header_rows: int = 0
    footer_rows: int = 0
    line_end: str = "\n"


class Json(msgspec.Struct, frozen=True, omit_defaults=True, tag_field="kind", tag="json"):
    """JSON. `shape` is document (one value that is no list of records), array (of records), lines, concatenated or
    wrapped: a document whose records lie in the list under `path`.
    """

    shape: str
    path: tuple[str, ...] = ()
    depth_max: int = 0


class Xml(msgspec.Struct, frozen=True, omit_defaults=True, tag_field="kind", tag="xml"):
    """XML. `records` are the element names from the root to the repeated element, in Clark's notation
    (`{namespace}name`); `namespaces` prefix → URI as declared on the way.
    """

    root: str
    records: tuple[str, ...] = ()
    namespaces: dict[str, str] = {}
    version: str = "1.0"
    has_dtd: bool = False


class Dump(msgspec.Struct, frozen=True, omit_defaults=True, tag_field="kind", tag="dump"):
    """What a database was written out into.

    `writer`: pg_dump, pg_dump_custom, pg_dump_tar, mysqldump, mariadb-dump, sqlite_dump, sqlite (the database file),
    tsql, oracle, or sql where only the language is known. `end_mark`: what the writer ends with, if it is there.
    """

    writer: str
    version: str = ""
    database: str = ""
    end_mark: str = ""


class Columnar(msgspec.Struct, frozen=True, omit_defaults=True, tag_field="kind", tag="columnar"):
    """Parquet, ORC, Avro and Arrow: what their metadata says. `groups` are row groups, stripes, blocks or batches."""

    created_by: str = ""
    version: str = ""
    groups: int | None = None
    compression: tuple[str, ...] = ()
    is_encrypted: bool = False
    is_stream: bool = False  # Arrow's stream format, not its file format


class Workbook(msgspec.Struct, frozen=True, omit_defaults=True, tag_field="kind", tag="workbook"):
    """A spreadsheet. `header_rows` and `skip_rows` by sheet."""

    kind_of_book: str  # xlsx, xlsb, xls, ods
    header_rows: dict[str, int] = {}
    skip_rows: dict[str, int] = {}


Dialect = Csv | FixedWidth | Json | Xml | Dump | Columnar | Workbook


class Layer(msgspec.Struct, frozen=True, omit_defaults=True):
    """A compression or archive around the contents, outermost first."""

    format: str  # gzip, zstd, bzip2, xz, lz4, zip, tar
    size_bytes: int | None = None  # packed
    unpacked_bytes: int | None = None
    members: int | None = None
    member: str = ""  # the one that was looked into, for an archive of one


class Wholeness(msgspec.Struct, frozen=True):
    """Whether all of it is here, as far as the bytes themselves tell; the reasons are sentences for the sender.

    `proven` only where the format has a proof of its end and it holds; `suspect` where there is a sign against it.
    """

    verdict: Completeness
    reasons: tuple[str, ...] = ()


class Description(msgspec.Struct, frozen=True):
    """What one format says of bytes: what `describe` of each file in `formats/` returns.

    `is_all` says that every byte was looked at; else `unread` says what was not. `ends_whole` is the wholeness of this
    format alone, without the layers around it.
    """

    wholeness: Wholeness
    dialect: Dialect | None = None
    encoding: Encoding | None = None
    tables: tuple[Table, ...] = ()
    problems: tuple[Problem, ...] = ()
    is_all: bool = True
    unread: str = ""


class Recipe(msgspec.Struct, frozen=True, omit_defaults=True):
    """How an engine reads the delivery as it is: a call to paste. `path` stands in it as `{path}`.

    `proved`: it was run, and rows, columns and names came out as found; None where it was not run, `why` then says it.
    """

    engine: str  # duckdb, polars, pandas, pyarrow, spark
    code: str
    proved: bool | None = None
    why: str = ""


class Member(msgspec.Struct, frozen=True, omit_defaults=True):
    """A file in an archive; `finding` is None where it was not looked into, and `why` says so."""

    name: str
    size_bytes: int | None = None
    finding: Finding | None = None
    why: str = ""


class Finding(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """What inspection says of one delivery, or of any file."""

    detector: str = DETECTOR
    format: str
    confidence: float
    evidence: tuple[str, ...] = ()
    alternatives: tuple[Guess, ...] = ()
    name: str = ""
    size_bytes: int = 0
    layers: tuple[Layer, ...] = ()
    encoding: Encoding | None = None
    dialect: Dialect | None = None
    schema: tuple[Table, ...] = ()
    rows: int | None = None  # of all tables together; None: not counted
    wholeness: Wholeness
    problems: tuple[Problem, ...] = ()
    recipes: tuple[Recipe, ...] = ()
    members: tuple[Member, ...] = ()
    is_all: bool = True  # every byte was looked at
    unread: str = ""  # what was not looked at, and why

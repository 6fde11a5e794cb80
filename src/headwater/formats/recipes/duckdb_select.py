"""The SQL by which DuckDB reads a table of a file in place: CSV, JSON, Parquet. Pure text, made of a finding."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import msgspec

from headwater.formats.finding import Csv, Dialect, Encoding, Json, Layer, Table, Type
from headwater.formats.recipes.duckdb_casts import Cast, cast_of, expression, identifier, listed, literal
from headwater.formats.values.columns import names_of, null_texts, own_null_texts

COMPRESSIONS: Final = frozenset({"gzip", "zstd"})
"""The layers that DuckDB takes off by itself."""

IN_PLACE: Final = {"hive_partitioning": "false"}
"""So that the zone's folders (`lz_source=…`) do not become columns of the file."""

ENCODINGS: Final = {
    **dict.fromkeys(("ascii", "utf-8", "utf-8-sig", "utf_8", "utf8"), "utf-8"),
    **dict.fromkeys(("latin-1", "iso-8859-1", "iso8859-1"), "latin-1"),
    **dict.fromkeys(("utf-16", "utf-16-le", "utf_16_le"), "utf-16"),
}
"""What DuckDB calls the encodings that it reads by itself, by Python's names; others are re-encoded before."""

DELIMITER_BYTES_MAX: Final = 4
LINE_LENGTH_MAX: Final = 100
OBJECT_BYTES_MAX: Final = 64 * 1024 * 1024
"""A larger JSON document is not left to DuckDB, which takes several times as much memory for it."""

OBJECT_BYTES_USUAL: Final = 16 * 1024 * 1024
_NESTED: Final = frozenset({Type.LIST, Type.STRUCT, Type.JSON})


class Select(msgspec.Struct, frozen=True):
    """A query over files of one shape: `function(source, options)`, some of whose columns are cast afterwards.

    `names` are what it gives, `casts` beside them; `limit` leaves out what stands behind the last row.
    """

    function: str
    options: Mapping[str, str]
    names: tuple[str, ...]
    casts: tuple[Cast, ...] = ()
    limit: int | None = None
    condition: str = ""
    reads_text: bool = False  # the function gives texts alone, so that every type is made afterwards
    around: tuple[str, str] | None = None  # what stands before and after the call, where it is no plain one

    def text(self, source: str, *, tries: bool = False, more: Mapping[str, str] = {}) -> str:
        """The SQL; `source` is a literal, or a list of them."""
        options = [f"{key}={value}" for key, value in {**self.options, **more}.items()]
        made = _laid_out(f"{self.function}(", [source, *options], ")")
        if self.around is not None:
            return made.join(self.around)
        rows = f"(FROM {made} LIMIT {self.limit})" if self.limit is not None else made
        replaced = [
            f"{expression(cast, identifier(name), tries=tries)} AS {identifier(name)}"
            for name, cast in zip(self.names, self.casts, strict=False)
            if not cast.is_plain or (self.reads_text and cast.type != "VARCHAR")
        ]
        stars = _laid_out("* REPLACE (", replaced, ")") if replaced else "*"
        return f"SELECT {stars} FROM {rows}" + (f" WHERE {self.condition}" if self.condition else "")


def _laid_out(begin: str, parts: Sequence[str], end: str) -> str:
    """In one line, or where that is long in one for each part."""
    flat = begin + ", ".join(parts) + end
    if len(flat) <= LINE_LENGTH_MAX:
        return flat
    return begin + "\n    " + ",\n    ".join(parts) + "\n" + end


def encoding_of(encoding: Encoding | None) -> str | None:
    """What DuckDB calls the encoding; None where it does not read it."""
    return "utf-8" if encoding is None else ENCODINGS.get(encoding.name.lower())


def compression_of(layers: Sequence[Layer]) -> str | None:
    """What DuckDB calls the one compression around the contents, `none` without; None where it takes none off."""
    if not layers:
        return "none"
    return layers[0].format if len(layers) == 1 and layers[0].format in COMPRESSIONS else None


def unpacked_bytes(size_bytes: int, layers: Sequence[Layer]) -> int | None:
    """How large the contents are; None where nobody knows."""
    return layers[-1].unpacked_bytes if layers else size_bytes


def csv_select(csv: Csv, table: Table, *, compression: str = "none", encoding: str = "utf-8") -> Select | None:
    """How a delimited text is read, its encoding as `encoding_of` gives it. None where DuckDB cannot."""
    is_unfit = len(csv.delimiter.encode()) > DELIMITER_BYTES_MAX or len(csv.comment.encode()) > 1
    if is_unfit or not csv.delimiter or not table.columns:
        return None
    names = names_of(table)
    shared = null_texts(table.columns, csv.null_texts)
    casts = tuple(cast_of(column, own_null_texts(column, shared), pads=csv.pads) for column in table.columns)
    has_footer = csv.footer_rows > 0 and table.rows is not None
    types = {
        name: cast.type if cast.is_plain and not has_footer else "VARCHAR"
        for name, cast in zip(names, casts, strict=True)
    }
    options = {
        "auto_detect": "false",
        "delim": literal(csv.delimiter),
        "quote": literal(csv.quote),
        "escape": literal(csv.escape or csv.quote),
        "header": "true" if csv.header_rows else "false",
        "columns": struct_of(types),
    }
    if skipped := csv.skip_lines + max(0, csv.header_rows - 1):
        options["skip"] = str(skipped)
    if csv.comment:
        options["comment"] = literal(csv.comment)
    if len(shared) > 1:
        options["nullstr"] = f"[{listed(shared)}]"
    options |= IN_PLACE
    if compression != "none":
        options["compression"] = literal(compression)
    if encoding != "utf-8":
        options["encoding"] = literal(encoding)
    if csv.short_rows or csv.footer_rows:
        options |= {"null_padding": "true", "parallel": "false"}
    if csv.short_rows or csv.long_rows or csv.footer_rows or csv.line_end != "\n":  # a lone \n within quotes
        options["strict_mode"] = "false"
    limit = table.rows if has_footer else None
    return Select("read_csv", options, names, casts, limit, reads_text=has_footer)


def json_select(json: Json, table: Table, *, compression: str = "none", size_bytes: int | None = None) -> Select | None:
    """How JSON in UTF-8 is read. None where DuckDB cannot: it has no columns, or is one large document of
    `size_bytes`, which DuckDB holds whole.
    """
    names = names_of(table)
    if not names or any(column.path for column in table.columns) or names != tuple(c.name for c in table.columns):
        return None
    casts = tuple(cast_of(column, column.null_texts) for column in table.columns)
    types = {
        name: ("JSON" if cast.column.type in _NESTED else cast.type) if cast.is_plain else "VARCHAR"
        for name, cast in zip(names, casts, strict=True)
    }
    options = dict(IN_PLACE)
    if compression != "none":
        options["compression"] = literal(compression)
    if json.shape in {"document", "wrapped"}:
        if size_bytes is None or size_bytes > OBJECT_BYTES_MAX:
            return None
        if size_bytes > OBJECT_BYTES_USUAL:
            options["maximum_object_size"] = str(size_bytes + 1)
    if json.shape == "wrapped":
        return None if any(not cast.is_plain for cast in casts) else _wrapped(json, names, casts, types, options)
    shapes = {
        "lines": "newline_delimited",
        "array": "array",
        "document": "unstructured",
        "concatenated": "unstructured",
    }
    if json.shape not in shapes:
        return None
    return Select(
        "read_json", {"format": literal(shapes[json.shape]), "columns": struct_of(types), **options}, names, casts
    )


def _wrapped(
    json: Json, names: tuple[str, ...], casts: tuple[Cast, ...], types: Mapping[str, str], options: Mapping[str, str]
) -> Select:
    """The list under the path, taken out of the whole document and apart."""
    pointer = "".join("/" + step.replace("~", "~0").replace("/", "~1") for step in json.path)
    fields = msgspec.json.encode([types]).decode()
    before = (
        f"SELECT unnest(record) FROM (SELECT unnest(from_json(json_extract(json, {literal(pointer)}), "
        f"{literal(fields)})) AS record FROM "
    )
    return Select("read_json_objects", {"format": "'unstructured'", **options}, names, casts, around=(before, ")"))


def select_of(
    dialect: Dialect | None,
    format_name: str,
    table: Table,
    *,
    compression: str = "none",
    encoding: str = "utf-8",
    size_bytes: int | None = None,
) -> Select | None:
    """How DuckDB reads a table of contents in an encoding that it knows, or of Parquet. None where it cannot."""
    if isinstance(dialect, Csv):
        return csv_select(dialect, table, compression=compression, encoding=encoding)
    if isinstance(dialect, Json):
        is_known = encoding == "utf-8"
        return json_select(dialect, table, compression=compression, size_bytes=size_bytes) if is_known else None
    if format_name == "parquet" and compression == "none":
        return Select("read_parquet", IN_PLACE, names_of(table))
    return None


def without_blanks(select: Select) -> Select:
    """The same without the rows of nulls that DuckDB makes of blank lines in a file of one column."""
    return msgspec.structs.replace(select, condition=f"{identifier(select.names[0])} IS NOT NULL")


def struct_of(types: Mapping[str, str]) -> str:
    """Names and types as a literal of DuckDB."""
    return "{" + ", ".join(f"{literal(name)}: {literal(type_)}" for name, type_ in types.items()) + "}"

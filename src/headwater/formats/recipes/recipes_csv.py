"""How pandas, Polars and PyArrow read delimited text. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Final

from headwater.formats.finding import Column, Csv, Encoding, Table, Type
from headwater.formats.recipes.duckdb_casts import is_iso, number_type
from headwater.formats.recipes.recipe_text import NONE, Call, Name, Value, call
from headwater.formats.values.columns import is_sure, names_of, null_texts, own_null_texts

MOMENTS: Final = frozenset({Type.DATE, Type.TIME, Type.TIMESTAMP, Type.TIMESTAMPTZ})
_QUOTE_NONE: Final = 3
_UTF8: Final = frozenset({"utf-8", "utf8", "utf_8", "ascii", "utf-8-sig"})


@dataclass(frozen=True)
class Text:
    """What every engine's call is made of: a table in delimited text, and where its bytes are opened."""

    csv: Csv
    table: Table
    source: Value
    encoding: Encoding | None = None

    @cached_property
    def names(self) -> tuple[str, ...]:
        """The columns' names."""
        return names_of(self.table)

    @cached_property
    def pairs(self) -> list[tuple[str, Column]]:
        """The columns by their names."""
        return list(zip(self.names, self.table.columns, strict=True))

    @cached_property
    def shared_nulls(self) -> tuple[str, ...]:
        """The texts that are null in every column."""
        return null_texts(self.table.columns, self.csv.null_texts)

    @cached_property
    def nulls(self) -> Value:
        """The texts that are null: of all columns, or by column where these differ."""
        if not any(own_null_texts(column, self.shared_nulls) for column in self.table.columns):
            return list(self.shared_nulls)
        return {name: [*self.shared_nulls, *own_null_texts(column, self.shared_nulls)] for name, column in self.pairs}

    @cached_property
    def codec(self) -> str | None:
        """The encoding, where it is not UTF-8."""
        name = self.encoding.name if self.encoding else "utf-8"
        return None if name.lower() in _UTF8 and not (self.encoding and self.encoding.bom_bytes) else _plain(name)

    @cached_property
    def skipped(self) -> int:
        """The lines before the last header row."""
        return self.csv.skip_lines + max(0, self.csv.header_rows - 1)

    def marks(self, own: str) -> tuple[str, str]:
        """The decimal and the thousands mark of most columns of numbers; other columns stay text."""
        numbers = [column for _, column in self.pairs if is_number(column) and not _is_whole(column)]
        found = [(column.decimal_mark, column.thousands_mark) for column in numbers]
        return max(found, key=found.count) if found else (own, "")


def is_number(column: Column) -> bool:
    """Whether a column is surely one of numbers."""
    return is_sure(column) and column.type in {Type.INTEGER, Type.DECIMAL, Type.FLOAT}


def _fits(column: Column, marks: tuple[str, str]) -> bool:
    fits = _is_whole(column) or (column.decimal_mark, column.thousands_mark) == marks
    return is_number(column) and number_type(column) in {"BIGINT", "DOUBLE"} and fits


def _is_whole(column: Column) -> bool:
    return column.type is Type.INTEGER and not column.thousands_mark


def _plain(name: str) -> str:
    return "utf-8-sig" if name.lower() in _UTF8 else name


# --- pandas -----------------------------------------------------------------------------------------------------------


def pandas_csv(text: Text) -> Call | None:
    """pandas.read_csv. None where rows have more fields than columns, or quotes meet a delimiter of many characters."""
    csv, marks = text.csv, text.marks(".")
    if csv.long_rows or (len(csv.delimiter) > 1 and csv.quote) or len(csv.comment) > 1 or not text.names:
        return None
    types: dict[str, Value] = {name: _pandas_type(column, marks, csv) for name, column in text.pairs}
    moments: dict[str, Value] = {
        name: column.format or "ISO8601"
        for name, column in text.pairs
        if is_sure(column) and column.type in MOMENTS - {Type.TIME}
    }
    return call(
        "pandas.read_csv",
        text.source,
        sep=csv.delimiter if len(csv.delimiter) == 1 else _escaped(csv.delimiter),
        header=0 if csv.header_rows else NONE,
        names=list(text.names),
        index_col=False,
        dtype={name: type_ for name, type_ in types.items() if name not in moments},
        parse_dates=list(moments) or None,
        date_format=moments or None,
        keep_default_na=False,
        na_values=text.nulls,
        decimal=marks[0] if marks[0] != "." else None,
        thousands=marks[1] or None,
        true_values=_words(text, "true_texts") or None,
        false_values=_words(text, "false_texts") or None,
        skiprows=text.skipped or None,
        skipfooter=csv.footer_rows or None,
        engine="python" if csv.footer_rows or len(csv.delimiter) > 1 else None,
        quotechar=csv.quote if csv.quote not in {"", '"'} else None,
        quoting=None if csv.quote else _QUOTE_NONE,
        doublequote=False if csv.escape else None,
        escapechar=csv.escape or None,
        skipinitialspace=csv.pads or None,
        comment=csv.comment or None,
        encoding=text.codec,
    )


def _pandas_type(column: Column, marks: tuple[str, str], csv: Csv) -> str:
    if _fits(column, marks):
        return "Int64" if column.type is Type.INTEGER and not csv.footer_rows else "float64"
    return "boolean" if is_sure(column) and column.type is Type.BOOLEAN else "string"


def _words(text: Text, which: str) -> list[Value]:
    columns = [column for _, column in text.pairs if is_sure(column) and column.type is Type.BOOLEAN]
    return list(dict.fromkeys(word for column in columns for word in getattr(column, which)))


def _escaped(delimiter: str) -> str:
    return "".join(f"\\{sign}" if sign in "\\^$.|?*+()[]{}" else sign for sign in delimiter)


# --- Polars -----------------------------------------------------------------------------------------------------------


def polars_csv(text: Text) -> Call | None:
    """polars.read_csv. None where the delimiter or a quote is more than one byte, or quotes are escaped by a sign."""
    csv = text.csv
    if len(csv.delimiter.encode()) != 1 or len(csv.quote.encode()) > 1 or csv.escape or csv.pads or not text.names:
        return None
    if csv.line_end in {"\r", "mixed"} or (csv.footer_rows and text.table.rows is None):
        return None
    decimal = text.marks(".")[0]
    types: dict[str, Value] = {}
    later: list[Call] = []
    for name, column in text.pairs:
        nulls = own_null_texts(column, text.shared_nulls)
        type_ = Name(f"polars.{_polars_type(column)}")
        is_late = type_ != _STRING and (
            bool(nulls or csv.footer_rows) or (is_number(column) and not _fits(column, (decimal, "")))
        )
        types[name] = _STRING if is_late else type_
        expression = call("polars.col", name)
        if nulls:
            expression = expression.then("replace", list(nulls), NONE)
        if is_late:
            expression = _unmarked(expression, column).then("cast", type_)
        if is_sure(column) and column.type in MOMENTS:
            expression = _polars_moment(expression, column)
        if expression.of is not None:
            later.append(expression)
    made = call(
        "polars.read_csv",
        text.source,
        separator=csv.delimiter,
        has_header=False,
        schema=types,
        skip_lines=None if csv.comment else csv.skip_lines + csv.header_rows or None,
        skip_rows=csv.skip_lines + csv.header_rows if csv.comment else None,
        quote_char=NONE if not csv.quote else csv.quote if csv.quote != '"' else None,
        null_values=list(text.shared_nulls) if len(text.shared_nulls) > 1 else None,
        decimal_comma=True if decimal == "," else None,
        truncate_ragged_lines=True if csv.long_rows or csv.short_rows or csv.footer_rows else None,
        comment_prefix=csv.comment or None,
        n_rows=text.table.rows if csv.footer_rows else None,
        encoding=text.codec if text.codec != "utf-8-sig" else None,
    )
    return made.then("with_columns", *later) if later else made


def without_blanks(made: Call) -> Call:
    """The same without the rows of nulls that Polars makes of blank lines."""
    return made.then("filter", call("polars.any_horizontal", call("polars.all").then("is_not_null")))


_STRING: Final = Name("polars.String")


def _polars_type(column: Column) -> str:
    if is_number(column) and number_type(column) in {"BIGINT", "DOUBLE"}:
        return "Int64" if column.type is Type.INTEGER else "Float64"
    plain = {"true"} >= set(column.true_texts) and {"false"} >= set(column.false_texts)
    return "Boolean" if is_sure(column) and column.type is Type.BOOLEAN and plain else "String"


def _unmarked(expression: Call, column: Column) -> Call:
    """Numbers as programs write them."""
    if column.thousands_mark:
        expression = expression.then("str.replace_all", column.thousands_mark, "", literal=True)
    if column.decimal_mark != "." and is_number(column) and column.type is not Type.INTEGER:
        expression = expression.then("str.replace", column.decimal_mark, ".", literal=True)
    return expression


def _polars_moment(expression: Call, column: Column) -> Call:
    written = (column.format or "").replace(".%f", "%.f").replace("%z", "%#z") or NONE
    methods = {Type.DATE: "str.to_date", Type.TIME: "str.to_time"}
    method = methods.get(column.type, "str.to_datetime")
    if column.type is Type.TIMESTAMPTZ and "%z" not in column.format:
        return expression.then(method, written, time_zone="UTC")
    return expression.then(method, written)


# --- PyArrow ----------------------------------------------------------------------------------------------------------


def pyarrow_csv(text: Text) -> Call | None:
    """pyarrow.csv.read_csv. None where it has no option: ragged rows, footers, comments, delimiters of many bytes."""
    csv = text.csv
    unfit = csv.long_rows or csv.short_rows or csv.footer_rows or csv.comment or csv.pads or not text.names
    if unfit or len(csv.delimiter.encode()) != 1 or len(csv.quote.encode()) > 1:
        return None
    decimal = text.marks(".")[0]
    types: dict[str, Value] = {
        name: call("pyarrow.string")
        if own_null_texts(column, text.shared_nulls)
        else _arrow_type(column, (decimal, ""))
        for name, column in text.pairs
    }
    formats = {c.format for _, c in text.pairs if is_sure(c) and c.type in MOMENTS and not is_iso(c)}
    read = call(
        "pyarrow.csv.ReadOptions",
        column_names=list(text.names),
        skip_rows=csv.skip_lines + csv.header_rows or None,
        encoding=text.codec,
    )
    parse = call(
        "pyarrow.csv.ParseOptions",
        delimiter=csv.delimiter,
        quote_char=False if not csv.quote else csv.quote if csv.quote != '"' else None,
        double_quote=False if csv.escape else None,
        escape_char=csv.escape or None,
        newlines_in_values=True if csv.quote else None,
    )
    convert = call(
        "pyarrow.csv.ConvertOptions",
        column_types=types,
        null_values=list(text.shared_nulls),
        strings_can_be_null=True,
        true_values=_words(text, "true_texts") or None,
        false_values=_words(text, "false_texts") or None,
        decimal_point=decimal if decimal != "." else None,
        timestamp_parsers=[*sorted(formats), Name("pyarrow.csv.ISO8601")] if formats else None,
    )
    return call("pyarrow.csv.read_csv", text.source, read_options=read, parse_options=parse, convert_options=convert)


def _arrow_type(column: Column, marks: tuple[str, str]) -> Value:  # noqa: PLR0911 - one for each kind
    if not is_sure(column):
        return call("pyarrow.string")
    if _fits(column, marks):
        return call("pyarrow.int64" if column.type is Type.INTEGER else "pyarrow.float64")
    is_usual = column.type in MOMENTS and is_iso(column)
    match column.type:
        case Type.BOOLEAN if column.true_texts or column.false_texts:
            return call("pyarrow.bool_")
        case Type.DATE:
            return call("pyarrow.date32") if is_usual else call("pyarrow.timestamp", "s")
        case Type.TIMESTAMP:
            return call("pyarrow.timestamp", "us")
        case Type.TIMESTAMPTZ if is_usual:
            return call("pyarrow.timestamp", "us", tz="UTC")
        case _:
            return call("pyarrow.string")

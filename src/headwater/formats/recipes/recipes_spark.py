"""How Spark reads a delivery: text alone, for Spark is never run here. Pure."""

from __future__ import annotations

from typing import Final

from headwater.formats.finding import Column, Columnar, Csv, Finding, Json, Layer, Table, Type, Xml
from headwater.formats.recipes.duckdb_casts import number_type
from headwater.formats.values.columns import is_sure, names_of

_SUFFIXES: Final = {"gzip": ".gz", "bzip2": ".bz2", "zstd": ".zst", "lz4": ".lz4"}
_MOMENTS: Final = {Type.DATE: "DATE", Type.TIMESTAMP: "TIMESTAMP_NTZ", Type.TIMESTAMPTZ: "TIMESTAMP"}
_JAVA: Final = {
    "%Y": "yyyy", "%y": "yy", "%m": "MM", "%d": "dd", "%H": "HH", "%I": "hh", "%M": "mm", "%S": "ss", "%f": "SSSSSS",
    "%b": "MMM", "%B": "MMMM", "%p": "a", "%z": "XX", "%j": "DDD", "%a": "EEE", "%A": "EEEE",
}  # fmt: skip
_UTF8: Final = frozenset({"utf-8", "utf8", "utf_8", "ascii", "utf-8-sig"})


def spark_text(finding: Finding, table: Table) -> tuple[str, str]:  # noqa: PLR0911 - one for each kind
    """The call, and what is to be known about it; without a call, why there is none."""
    why, dialect = _layer_words(finding.layers), finding.dialect
    if why.startswith("Spark "):
        return "", why
    if isinstance(dialect, Csv):
        code, more = _csv(dialect, finding, table)
        return code, " ".join(filter(None, (more, why if code else "")))
    if isinstance(dialect, Json):
        return _json(dialect, finding), why
    if isinstance(dialect, Xml) and dialect.records:
        row = dialect.records[-1].rpartition("}")[2]
        return f'spark.read.format("xml").options(rowTag={_quoted(row)}).load("{{path}}")', why or "From Spark 4 on."
    if isinstance(dialect, Columnar) and finding.format in {"parquet", "orc"}:
        return f'spark.read.{finding.format}("{{path}}")', why
    if finding.format == "avro":
        return 'spark.read.format("avro").load("{path}")', why or "With the spark-avro package."
    return "", "Spark has no reader for this."


def _layer_words(layers: tuple[Layer, ...]) -> str:
    if not layers:
        return ""
    if len(layers) > 1 or layers[0].format not in _SUFFIXES:
        return f"Spark does not unpack {' in '.join(layer.format for layer in reversed(layers))}."
    return f"The name must end in {_SUFFIXES[layers[0].format]}: the suffix alone tells Spark to unpack it."


def _csv(csv: Csv, finding: Finding, table: Table) -> tuple[str, str]:
    if csv.skip_lines or csv.header_rows > 1 or csv.footer_rows:
        what = "lines before the header or after the last row"
        return "", f"Spark cannot leave out {what}."
    names = names_of(table)
    pairs = list(zip(names, table.columns, strict=True))
    formats = {kind: _format(table, kind) for kind in _MOMENTS}
    schema = ", ".join(f"`{name.replace('`', '``')}` {_type(column, formats)}" for name, column in pairs)
    options: dict[str, str | bool] = {
        "schema": schema,
        "sep": csv.delimiter,
        "header": csv.header_rows == 1,
        "enforceSchema": True,
        "quote": csv.quote,
        "escape": csv.escape or csv.quote or "\\",
        "multiLine": True,
        "encoding": finding.encoding.name if finding.encoding and finding.encoding.name.lower() not in _UTF8 else "",
        "comment": csv.comment,
        "ignoreLeadingWhiteSpace": csv.pads,
        "dateFormat": _java(formats[Type.DATE]),
        "timestampNTZFormat": _java(formats[Type.TIMESTAMP]),
        "timestampFormat": _java(formats[Type.TIMESTAMPTZ]),
    }
    always = {"quote", "sep"}
    kept = {key: value for key, value in options.items() if value or key in always}
    if kept["quote"] == '"':
        del kept["quote"]
    inner = ",\n".join(f"    {key}={_quoted(value)}" for key, value in kept.items())
    return f'spark.read.csv(\n    "{{path}}",\n{inner},\n)', ""


def _json(json: Json, finding: Finding) -> str:
    options = "" if json.shape == "lines" else ", multiLine=True"
    if finding.encoding and finding.encoding.name.lower() not in _UTF8:
        options += f", encoding={_quoted(finding.encoding.name)}"
    code = f'spark.read.json("{{path}}"{options})'
    if json.shape == "wrapped":
        path = ".".join(f"`{step}`" for step in json.path)
        code += f'.selectExpr({_quoted(f"explode({path}) AS record")}).select("record.*")'
    return code


def _type(column: Column, formats: dict[Type, str]) -> str:
    if not is_sure(column) or column.null_texts not in {(), ("",)}:
        return "STRING"
    if column.type in {Type.INTEGER, Type.DECIMAL, Type.FLOAT}:
        is_plain = column.decimal_mark == "." and not column.thousands_mark
        return {"BIGINT": "BIGINT", "DOUBLE": "DOUBLE"}.get(number_type(column), "STRING") if is_plain else "STRING"
    if column.type in _MOMENTS and column.format == formats[column.type]:
        return _MOMENTS[column.type]
    words = {word.lower() for word in (*column.true_texts, *column.false_texts)}
    return "BOOLEAN" if column.type is Type.BOOLEAN and words <= {"true", "false"} else "STRING"


def _format(table: Table, kind: Type) -> str:
    """The format of most columns of this type."""
    found = [column.format for column in table.columns if column.type is kind and is_sure(column)]
    return max(found, key=found.count) if found else ""


def _java(pattern: str) -> str:
    """A strptime pattern as Java writes it."""
    out, at = "", 0
    while at < len(pattern):
        if pattern[at] == "%":
            out, at = out + _JAVA.get(pattern[at : at + 2], ""), at + 2
        else:
            sign = pattern[at]
            out, at = out + (f"'{sign}'" if sign.isalpha() else sign), at + 1
    return out


def _quoted(value: str | bool) -> str:  # noqa: FBT001 - the value of an option
    plain = repr(value)
    return f'"{plain[1:-1]}"' if plain.startswith("'") and '"' not in plain and "\\'" not in plain else plain

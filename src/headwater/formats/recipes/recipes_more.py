"""How pandas, Polars and PyArrow read what is neither delimited text nor JSON. Pure."""

from __future__ import annotations

from headwater.formats.finding import Columnar, Finding, FixedWidth, Table, Workbook
from headwater.formats.recipes.recipe_text import NONE, Call, Value, call
from headwater.formats.values.columns import names_of


def pandas_more(finding: Finding, table: Table, source: Value) -> Call | None:
    """Parquet, ORC, Arrow files, fixed width, workbooks. What pandas makes of XML are no records: ours reads it."""
    dialect = finding.dialect
    if isinstance(dialect, FixedWidth):
        skipped = dialect.skip_lines + dialect.header_rows
        return call(
            "pandas.read_fwf",
            source,
            colspecs=[[first, end] for first, end in dialect.fields],
            header=NONE,
            names=list(names_of(table)),
            skiprows=skipped or None,
            skipfooter=dialect.footer_rows or None,
            dtype="string",
            encoding=finding.encoding.name if finding.encoding else None,
        )
    if isinstance(dialect, Workbook) and dialect.kind_of_book in {"xlsx", "xlsb", "xls", "ods"}:
        header_rows = dialect.header_rows.get(table.name, 1)
        skipped = dialect.skip_rows.get(table.name, 0) + max(0, header_rows - 1)
        return call(
            "pandas.read_excel",
            source,
            sheet_name=table.name,
            header=0 if header_rows else NONE,
            names=list(names_of(table)),
            skiprows=skipped or None,
            engine="calamine",
        )
    if finding.format == "parquet":
        return call("pandas.read_parquet", source, partitioning=NONE)
    if finding.format == "orc":
        return call("pandas.read_orc", source)
    return call("pandas.read_feather", source) if _is_arrow_file(dialect, finding) else None


def polars_more(finding: Finding, _table: Table, source: Value) -> Call | None:
    """Parquet, Avro, Arrow."""
    if finding.format == "parquet":
        return call("polars.read_parquet", source, hive_partitioning=False)
    if finding.format == "avro":
        return call("polars.read_avro", source)
    if finding.format == "arrow" and isinstance(finding.dialect, Columnar):
        return call("polars.read_ipc_stream" if finding.dialect.is_stream else "polars.read_ipc", source)
    return None


def pyarrow_more(finding: Finding, _table: Table, source: Value) -> Call | None:
    """Parquet, ORC, Arrow."""
    if finding.format == "parquet":
        return call("pyarrow.parquet.ParquetFile", source).then("read")
    if finding.format == "orc":
        return call("pyarrow.orc.ORCFile", source).then("read")
    if finding.format == "arrow" and isinstance(finding.dialect, Columnar):
        opener = "open_stream" if finding.dialect.is_stream else "open_file"
        opened = call("pyarrow.OSFile", source) if not isinstance(source, Call) else source
        return call(f"pyarrow.ipc.{opener}", opened).then("read_all")
    return None


def _is_arrow_file(dialect: object, finding: Finding) -> bool:
    return finding.format == "arrow" and isinstance(dialect, Columnar) and not dialect.is_stream

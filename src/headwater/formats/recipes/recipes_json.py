"""How pandas, Polars and PyArrow read JSON. Pure."""

from __future__ import annotations

from headwater.formats.finding import Encoding, Json
from headwater.formats.recipes.recipe_text import Call, Value, call

_UTF8 = frozenset({"utf-8", "utf8", "utf_8", "ascii", "utf-8-sig"})


def _is_utf8(encoding: Encoding | None) -> bool:
    return encoding is None or (encoding.name.lower() in _UTF8 and not encoding.bom_bytes)


def _loaded(source: Value, encoding: Encoding | None) -> Call:
    """The whole document as Python values."""
    codec = "utf-8-sig" if encoding is not None and encoding.name.lower() in _UTF8 else encoding and encoding.name
    data = _data(source)
    return call("json.loads", data.then("decode", codec) if codec and not _is_utf8(encoding) else data)


def _data(source: Value) -> Call:
    """All the bytes, unpacked, with nothing left open."""
    if not isinstance(source, Call):
        return call("pathlib.Path", source).then("read_bytes")
    module = source.name.partition(".")[0]
    if module in {"bz2", "gzip", "lzma"}:
        return call(f"{module}.decompress", call("pathlib.Path", *source.arguments).then("read_bytes"))
    return source.then("read")


def records(json: Json, source: Value, encoding: Encoding | None) -> Call | None:
    """The records of a document, a list or a list inside of a document, as Python values."""
    if json.shape == "array":
        return _loaded(source, encoding)
    if json.shape == "wrapped" and json.path:
        found = _loaded(source, encoding)
        for step in json.path:
            found = found.then("__getitem__", step)
        return found
    return None


def pandas_json(json: Json, source: Value, encoding: Encoding | None) -> Call | None:
    """pandas.read_json for lines; else the records, flat to the first level."""
    if json.shape == "lines":
        codec = None if encoding is None or _is_utf8(encoding) else encoding.name
        return call("pandas.read_json", source, lines=True, dtype=False, encoding=codec)
    found = records(json, source, encoding)
    return None if found is None else call("pandas.json_normalize", found, max_level=0)


def polars_json(json: Json, source: Value, encoding: Encoding | None) -> Call | None:
    """polars.read_ndjson and read_json."""
    if json.shape == "lines" and _is_utf8(encoding):
        return Call("polars.read_ndjson", (source,), {"infer_schema_length": None})
    if json.shape == "array" and _is_utf8(encoding):
        return Call("polars.read_json", (source,), {"infer_schema_length": None})
    found = records(json, source, encoding)
    return None if found is None else Call("polars.DataFrame", (found,), {"infer_schema_length": None, "strict": False})


def pyarrow_json(json: Json, source: Value, encoding: Encoding | None) -> Call | None:
    """pyarrow.json.read_json for lines; else the records as one array of structs."""
    if json.shape == "lines" and _is_utf8(encoding):
        options = call("pyarrow.json.ReadOptions", block_size=64 * 1024 * 1024)
        return call("pyarrow.json.read_json", source, read_options=options)
    found = records(json, source, encoding)
    return None if found is None else call("pyarrow.Table.from_struct_array", call("pyarrow.array", found))

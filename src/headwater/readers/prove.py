"""Recipes proved by running them: rows, number of columns and names must come out as found.

Nothing is evaluated: a plan is a value, printed for people and run here, function by function, from one list of
functions that may be called.
"""

from __future__ import annotations

import importlib
import importlib.util
import re
from collections.abc import Callable, Collection, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

import msgspec

from headwater.formats.finding import Finding, Recipe
from headwater.formats.recipes.duckdb_casts import literal
from headwater.formats.recipes.duckdb_select import Select
from headwater.formats.recipes.recipe_text import Call, Name, Value
from headwater.formats.recipes.recipe_text import Path as PathMark
from headwater.formats.recipes.recipes import Plan, code_of, ours, plans
from headwater.formats.values.columns import names_of
from headwater.readers.contents import choose
from headwater.readers.engine import Engine
from headwater.readers.local import LocalFile
from headwater.readers.relation import Place, part_of

PROVED_BYTES_MAX: Final = 4 * 1024 * 1024
"""Files up to this size are read by every engine, unless the caller says otherwise."""

WHY_CHARS_MAX: Final = 200
COLUMNS_MAX: Final = 1_000

_CALLABLE: Final[dict[str, tuple[str, ...]]] = {
    "bz2": ("decompress", "open"),
    "gzip": ("decompress", "open"),
    "lzma": ("decompress", "open"),
    "pathlib": ("Path",),
    "json": ("loads",),
    "pandas": (
        *("json_normalize", "read_csv", "read_excel", "read_feather", "read_fwf", "read_json", "read_orc"),
        "read_parquet",
    ),
    "polars": (
        *("Boolean", "DataFrame", "Float64", "Int64", "String", "all", "any_horizontal", "col"),
        *("read_avro", "read_csv", "read_ipc", "read_ipc_stream", "read_json", "read_ndjson", "read_parquet"),
    ),
    "pyarrow": (
        *(
            "OSFile",
            "Table.from_struct_array",
            "array",
            "bool_",
            "date32",
            "float64",
            "input_stream",
            "int64",
            "string",
        ),
        "timestamp",
    ),
    "pyarrow.csv": ("ConvertOptions", "ISO8601", "ParseOptions", "ReadOptions", "read_csv"),
    "pyarrow.ipc": ("open_file", "open_stream"),
    "pyarrow.json": ("ReadOptions", "read_json"),
    "pyarrow.orc": ("ORCFile",),
    "pyarrow.parquet": ("ParquetFile",),
}
_METHODS: Final = frozenset(
    [
        *("__getitem__", "cast", "decode", "filter", "is_not_null", "read", "read_all", "read_bytes", "replace"),
        *("str.replace", "str.replace_all", "str.to_date", "str.to_datetime", "str.to_time", "with_columns"),
    ]
)
_MODULE: Final = {"duckdb": "duckdb", "polars": "polars", "pandas": "pandas", "pyarrow": "pyarrow"}


class Seen(msgspec.Struct, frozen=True):
    """What came out of a recipe."""

    rows: int
    names: tuple[str, ...]


def prove(
    finding: Finding,
    path: Path,
    engine: Engine,
    *,
    size_bytes_max: int = PROVED_BYTES_MAX,
    engines: Collection[str] = (),
    planned: Sequence[Plan] = (),
) -> Finding:
    """The finding with its recipes, each run against the file at `path`, which holds exactly the delivery's bytes.
    `planned` are its plans, from whoever has them.

    A recipe is not run, and says so, for a file beyond `size_bytes_max`, for an engine that is not installed, and for
    rows that were not counted; with `engines`, for all but those. What a hostile file does to an engine happens here:
    call it where that is contained.
    """
    size_bytes = path.stat().st_size
    told: list[Recipe] = []
    ours_fails: dict[str, str] = {}

    def fails(plan: Plan) -> str:
        name = plan.table.name
        if name not in ours_fails:
            ours_fails[name] = _ours_fails(finding, plan, path, engine)
        return ours_fails[name]

    for plan in planned or plans(finding):
        if size_bytes > size_bytes_max:
            told.append(_unproved(plan, f"It was not run: the file is larger than {size_bytes_max // 2**20} MiB."))
        elif engines and plan.engine not in engines:
            told.append(_unproved(plan, "It was not run."))
        else:
            told.append(_proved(plan, path, engine, fails))
    return msgspec.structs.replace(finding, recipes=tuple(told))


def _unproved(plan: Plan, why: str) -> Recipe:
    return Recipe(plan.engine, plan.code, None, " ".join(filter(None, (plan.why, why))))


def _ours_fails(finding: Finding, plan: Plan, path: Path, engine: Engine) -> str:
    """What is wrong with our own reading of a table; nothing where it is as found. All engines get the same rows."""
    wrong = ""
    for by_us in (False, True):
        try:
            with LocalFile(path) as file:
                part = part_of(finding, choose(finding, plan.table.name), Place(file), engine, by_us=by_us)
                wrong = _difference(_seen(part.text(), engine), plan)
        except Exception as error:  # noqa: BLE001 - whatever goes wrong is the answer
            wrong = f"It fails: {_told(error, path, engine)}"
        if not wrong:
            break
    return wrong


def _proved(plan: Plan, path: Path, engine: Engine, ours_fails: Callable[[Plan], str]) -> Recipe:
    if plan.reads is None:
        return plan.recipe
    if why := _why_not(plan):
        return _unproved(plan, f"It was not run: {why}.")
    wrong = ours_fails(plan) if plan.is_ours else _attempt(plan, plan.reads, path, engine)
    if wrong and plan.other is not None and not _attempt(plan, plan.other, path, engine):
        return Recipe(plan.engine, code_of(plan.other), proved=True, why=plan.why)
    if wrong and not plan.is_ours and not ours_fails(plan):
        other = ours(plan.engine, plan.table, f"The engine's own reader does not read it as found: {wrong}")
        return Recipe(other.engine, other.code, proved=True, why=other.why)
    return Recipe(plan.engine, plan.code, not wrong, " ".join(filter(None, (plan.why, wrong))))


def _why_not(plan: Plan) -> str:
    """What keeps a recipe from being run, if anything does."""
    if importlib.util.find_spec(_MODULE[plan.engine]) is None:
        return f"{plan.engine} is not installed here"
    if plan.table.rows is None:
        return "the rows were not counted"
    width = len(plan.table.columns)
    return f"{width:,} columns take too long to try" if width > COLUMNS_MAX else ""


def _attempt(plan: Plan, reads: Select | Call, path: Path, engine: Engine) -> str:
    """What is wrong with what comes out; nothing where it is as found."""
    try:
        return _difference(_run(plan.engine, reads, path, engine), plan)
    except (KeyboardInterrupt, SystemExit):
        raise
    except BaseException as error:  # noqa: BLE001 - engines raise what they like, also a panic of Rust; each is an answer
        return f"It fails: {_told(error, path, engine)}"


def _difference(seen: Seen, plan: Plan) -> str:
    expected = names_of(plan.table)
    if len(seen.names) != len(expected):
        return f"It gives {len(seen.names)} columns, not {len(expected)}."
    for got, wanted in zip(seen.names, expected, strict=True):
        if got != wanted:
            return f"It calls a column {got!r} that is {wanted!r}."
    return "" if seen.rows == plan.table.rows else f"It gives {seen.rows:,} rows, not {plan.table.rows:,}."


def _told(error: BaseException, path: Path, engine: Engine) -> str:
    """The first line of what an engine says, without where the file lay while it was tried."""
    line = next(iter(str(error).strip().splitlines()), type(error).__name__)
    line = re.sub(rf"{re.escape(str(engine.folder))}/\w+", "{path}", line).replace(str(path), "{path}")
    return line if len(line) <= WHY_CHARS_MAX else line[: WHY_CHARS_MAX - 1] + "…"


def _run(name: str, reads: Select | Call, path: Path, engine: Engine) -> Seen:
    if isinstance(reads, Select):
        return _seen(reads.text(literal(str(engine.hand_in(path)))), engine)
    frame: Any = run(reads, path)
    columns = frame.column_names if name == "pyarrow" else frame.columns
    rows = frame.num_rows if name == "pyarrow" else len(frame)
    return Seen(rows, tuple(str(column) for column in columns))


def _seen(text: str, engine: Engine) -> Seen:
    """Every value is read, so that one that cannot be is met."""
    counted = engine.connection.execute(f"SELECT count(*), count(COLUMNS(*)) AS '\\0' FROM ({text})")
    names = tuple(str(column[0]) for column in counted.description or ())[1:]
    ((rows, *_),) = counted.fetchall()
    return Seen(int(rows), names)


def run(value: Value, path: Path) -> Any:  # noqa: PLR0911 - one for each kind
    """What a call gives, when the delivery lies at `path`. Raises what its functions raise; ValueError for others."""
    match value:
        case str():
            return value
        case PathMark():
            return str(path)
        case Name():
            return _named(value.dotted)
        case Call(of=None):
            return _named(value.name)(*_values(value, path), **_options(value, path))
        case Call():
            return _method(value, path)(*_values(value, path), **_options(value, path))
        case list():
            return [run(each, path) for each in value]
        case Mapping():
            return {key: run(each, path) for key, each in value.items()}
        case _:
            return value


def _values(value: Call, path: Path) -> list[Any]:
    return [run(each, path) for each in value.arguments]


def _options(value: Call, path: Path) -> dict[str, Any]:
    return {key: run(each, path) for key, each in value.options.items()}


def _method(value: Call, path: Path) -> Any:
    if value.name not in _METHODS:
        raise ValueError(f"{value.name} is no method that recipes call")
    target = run(value.of, path)
    for part in value.name.split("."):
        target = getattr(target, part)
    return target


@lru_cache(maxsize=256)
def _named(dotted: str) -> Any:
    if dotted == "builtins.None":
        return None
    module = Name(dotted).module
    own = dotted.removeprefix(f"{module}.")
    if own not in _CALLABLE.get(module, ()):
        raise ValueError(f"{dotted} is no function that recipes call")
    target: Any = importlib.import_module(module)
    for part in own.split("."):
        target = getattr(target, part)
    return target

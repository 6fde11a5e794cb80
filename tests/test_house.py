"""The rules of the house that no tool of its own holds. Floors are import-linter's, docstrings in src are ruff's."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
HOUSE = ROOT / "src" / "headwater"
FILES = sorted(path for folder in ("src", "tests", "bench", ".ci") for path in (ROOT / folder).rglob("*.py"))
FLOORS = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"]["contracts"]

FILE_LINES_WANTED, FILE_LINES_MAX = 300, 500
FUNCTION_LINES_MAX = 60
FOLDERS_MAX = 2
VAGUE = {"base", "common", "helper", "helpers", "manager", "managers", "util", "utils"}
HANDED_IN = re.compile(
    r"""(time\.(time|monotonic|perf_counter|process_time|clock_gettime)(_ns)?  # a clock
    | (datetime\.)?(datetime|date)\.(now|utcnow|today)
    | os\.(environb?|getenvb?)                                                 # the environment
    | random\.\w+ | secrets\.(token\w*|choice|rand\w*) | os\.(urandom|getrandom) | uuid\.uuid\d  # a random source
    )""",
    re.VERBOSE,
)

Function = ast.FunctionDef | ast.AsyncFunctionDef


def _nodes(path: Path) -> Iterator[ast.AST]:
    return ast.walk(ast.parse(path.read_bytes(), str(path)))


def _place(path: Path, node: ast.AST | None = None) -> str:
    return f"{path.relative_to(ROOT)}:{getattr(node, 'lineno', 1)}"


def _core() -> list[str]:
    """The modules and rooms on F0 to F2 that stand already: the three lowest layers of the floors."""
    names = re.findall(r"\w+", " ".join(FLOORS[0]["layers"][-3:]))
    return sorted(name for name in names if (HOUSE / name / "__init__.py").exists() or (HOUSE / f"{name}.py").exists())


def _core_files() -> list[Path]:
    return [
        path for path in FILES if HOUSE in path.parents and path.relative_to(HOUSE).parts[0].split(".")[0] in _core()
    ]


def test_no_file_is_too_long(capsys):
    """No file has more than 500 lines; those over 300 are named, to be split when they are next touched."""
    lines = {path: len(path.read_bytes().splitlines()) for path in FILES}
    with capsys.disabled():
        for path, count in lines.items():
            if FILE_LINES_WANTED < count <= FILE_LINES_MAX:
                print(f"\nlong: {_place(path)} has {count} lines")  # noqa: T201  (for whoever reads the run)
    assert [f"{_place(path)} {count}" for path, count in lines.items() if count > FILE_LINES_MAX] == []


def test_no_function_is_too_long():
    """No function has more than 60 lines, its docstring counted."""
    functions = [(path, node) for path in FILES for node in _nodes(path) if isinstance(node, Function)]
    sizes = {_place(path, node): (node.end_lineno or 0) - node.lineno + 1 for path, node in functions}
    assert {place: size for place, size in sizes.items() if size > FUNCTION_LINES_MAX} == {}


def test_the_house_is_flat():
    """No file lies more than two folders below the package."""
    deep = [path for path in HOUSE.rglob("*.py") if len(path.relative_to(HOUSE).parts) > FOLDERS_MAX + 1]
    assert deep == []


def test_names_say_what_a_thing_is():
    """No file, folder or class is called utils, helpers, common, base or manager, alone or as a part of its name."""
    classes = [
        (_place(path, node), node.name) for path in FILES for node in _nodes(path) if isinstance(node, ast.ClassDef)
    ]
    files = [(_place(path), str(path.relative_to(ROOT))) for path in FILES]
    words = {place: re.findall(r"[A-Z]?[a-z]+|[A-Z]+", name) for place, name in classes + files}
    assert [place for place, parts in words.items() if VAGUE & {part.lower() for part in parts}] == []


def test_each_test_states_its_truth():
    """Each test, also one in a class, has a docstring."""
    tests = [
        (path, node)
        for path in FILES
        if path.name.startswith("test_")
        for node in _nodes(path)
        if isinstance(node, Function) and node.name.startswith("test")
    ]
    assert [_place(path, node) for path, node in tests if not ast.get_docstring(node)] == []


def test_the_core_is_handed_its_clock_environment_and_chance():
    """No file on F0 to F2 reads a clock, the environment or a random source."""
    found = []
    for path in _core_files():
        for node in _nodes(path):
            if isinstance(node, ast.ImportFrom):
                found += [
                    _place(path, node) for name in node.names if HANDED_IN.fullmatch(f"{node.module}.{name.name}")
                ]
            elif isinstance(node, ast.Attribute) and HANDED_IN.fullmatch(ast.unparse(node)):
                found.append(_place(path, node))
    assert found == []


def test_imports_keep_to_the_floors():
    """import-linter finds no import that goes upward, across rooms, or from the core to a driver."""
    command = [str(Path(sys.executable).with_name("lint-imports")), "--no-cache"]
    done = subprocess.run(command, check=False, capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 0, done.stdout


def test_no_part_of_the_core_is_left_out_of_the_floors():
    """Each module and room on F0 to F2 is named in the contract that keeps drivers out of them."""
    (named,) = [contract["source_modules"] for contract in FLOORS if contract["type"] == "forbidden"]
    assert sorted(named) == [f"headwater.{name}" for name in _core()]


@pytest.mark.parametrize("path", ["Makefile", ".ci/run", ".ci/services", ".ci/bootstrap.py"])
def test_what_starts_the_house_names_no_index(path):
    """What runs on a fresh machine names no package index: each machine's own settings decide."""
    assert re.findall(r"https?://\S+", (ROOT / path).read_text(encoding="utf-8")) == []


def test_the_lock_tells_nobody_where_it_was_made():
    """uv.lock names public hosts alone: https, no port, no bare address, and no more of them than one index has."""
    hosts = set(re.findall(r"://([^/\"]+)", (ROOT / "uv.lock").read_text(encoding="utf-8")))
    assert all(re.fullmatch(r"([a-z]+\.)+(org|net|com|io)", host) for host in hosts), hosts
    assert len(hosts) <= 2

"""Reads headwater.toml: one file, or all `*.toml` of a folder, with the environment over it, into one frozen tree.

All problems are found before any is told, each with its line. What may be said stands in `config_schema.py`; reference,
template, JSON Schema and the effective values are made by `config_pages.py`.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final, NamedTuple, TypeVar

import msgspec

from headwater.config_pages import Shown, reference, schema, show, template
from headwater.config_schema import (
    LATER_TABLES,
    Config,
    Field,
    KeyPath,
    Shape,
    Table,
    fields_of,
    variable_of,
)
from headwater.config_values import Form, Wrong, did_you_mean, quoted
from headwater.errors import Misconfigured, Refused
from headwater.layout import check_word, matches, parse_feed
from headwater.terms import shown

__all__ = [
    "Config",
    "ConfigProblems",
    "Loaded",
    "Problem",
    "Shown",
    "load",
    "read",
    "reference",
    "schema",
    "show",
    "template",
]

FILE_NAME: Final = "headwater.toml"
T = TypeVar("T", bound=Table)


class Problem(msgspec.Struct, frozen=True):
    """What is wrong, and where: `file` may be an environment variable, and then there is no line."""

    file: str
    line: int | None
    key: str
    sentence: str
    suggestion: str = ""

    def __str__(self) -> str:
        place = self.file if self.line is None else f"{self.file}:{self.line}"
        return ": ".join(part for part in (place, self.key, f"{self.sentence}. {self.suggestion}".rstrip()) if part)


class ConfigProblems(Misconfigured):
    """The configuration does not hold; `problems` has everything that is wrong with it."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(str(problem) for problem in self.problems))


class Loaded(NamedTuple):
    """The configuration, and for each key (`http.listen`) where its value came from."""

    config: Config
    origins: dict[str, str]


def read(path: Path) -> dict[Path, str]:
    """The texts of a configuration: of the file `path`, or of all `*.toml` in the folder `path`, in order of name.

    Raises Misconfigured if they cannot be read.
    """
    files = sorted(path.glob("*.toml")) if path.is_dir() else [path]
    if not files:
        raise Misconfigured(f"The folder {path} holds no *.toml. Put {FILE_NAME} there, or name another with --config.")
    try:
        return {file: _text_of(file) for file in files}
    except Wrong as wrong:
        raise Misconfigured(f"The configuration is not there: {wrong.sentence}.") from wrong


def load(texts: Mapping[Path, str], environ: Mapping[str, str], home: Path) -> Loaded:
    """Reads a configuration; with no texts, all is default. Reads the files that values refer to, and no other.

    Relative paths begin at the folder of the file in which they stand; in the environment, at the working folder. Zone
    and books lie in `home` by default. Raises ConfigProblems with all that is wrong.
    """
    loader = _Loader(environ)
    for path, text in texts.items():
        loader.add(path, text)
    loader.tree.setdefault("zone", str(home / "zone"))
    loader.tree.setdefault("books", str(home / "books.sqlite3"))
    config = loader.table(Config, loader.tree, ())
    if config is not None:
        for path, sentence, suggestion in _broken_rules(config):
            if not loader.blames(path[0]):
                loader.blame(path, sentence, suggestion)
    if config is None or loader.problems:
        raise ConfigProblems(loader.problems)
    return Loaded(config, loader.origins)


class _Place(NamedTuple):
    """Where a value stands; relative paths in it begin at `folder`."""

    file: str
    line: int | None
    folder: Path = Path()

    def __str__(self) -> str:
        return self.file if self.line is None else f"{self.file}:{self.line}"


class _Loader:
    """Gathers texts into one tree of raw values, then walks it by the schema, noting problems and origins."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self.tree: dict[str, Any] = {}
        self.problems: list[Problem] = []
        self.origins: dict[str, str] = {}
        self._environ = environ
        self._places: dict[KeyPath, _Place] = {}

    def blame(self, path: KeyPath, sentence: str, suggestion: str = "") -> None:
        """Notes a problem with the value at `path`; where it stands nowhere, with the table that could hold it."""
        place = next((self._places[path[:n]] for n in range(len(path), 0, -1) if path[:n] in self._places), None)
        file, line = (place.file, place.line) if place else (FILE_NAME, None)
        self.problems.append(Problem(file, line, shown(".".join(path)), sentence.rstrip("."), suggestion))

    def blames(self, key: str) -> bool:
        """Whether a problem was noted with a top-level key or in its table."""
        return any(problem.key.split(".", 1)[0] == key for problem in self.problems)

    def add(self, path: Path, text: str) -> None:
        """Adds what a file says. A key that another file has set is a problem."""
        try:
            more = tomllib.loads(text)
        except tomllib.TOMLDecodeError as error:
            sentence, _, place = str(error).partition(" (at ")
            line = re.match(r"line ([0-9]+)", place)
            number = int(line[1]) if line else text.count("\n") + 1
            self.problems.append(Problem(str(path), number, "", f"this is not TOML: {sentence}"))
            return
        places = {key: _Place(str(path), line, path.parent) for key, line in _lines(text).items()}
        self._merge(self.tree, more, (), places)

    def _merge(self, tree: dict[str, Any], more: dict[str, Any], path: KeyPath, places: dict[KeyPath, _Place]) -> None:
        for key, value in more.items():
            here = (*path, key)
            if key not in tree:
                tree[key] = value
                self._places.update({at: place for at, place in places.items() if at[: len(here)] == here})
            elif _is_table(value) and _is_table(tree[key]):
                self._merge(tree[key], value, here, places)
            else:
                again = places[here]
                sentence = f"this key is set already, in {self._places[here]}"
                self.problems.append(Problem(again.file, again.line, shown(".".join(here)), sentence))

    def table(self, kind: type[T], raw: object, path: KeyPath) -> T | None:
        """A table of this kind. None if a key is missing that it must have: then that is among the problems."""
        if not isinstance(raw, dict):
            self.blame(path, f"must be a table: [{'.'.join(path)}]")
            return None
        fields = fields_of(kind)
        for key in raw.keys() - {field.key for field in fields}:
            self._unknown((*path, key), fields)
        values = {field.name: self._field(field, raw.get(field.key), (*path, field.key)) for field in fields}
        return None if msgspec.NODEFAULT in values.values() else kind(**values)

    def _unknown(self, path: KeyPath, fields: tuple[Field, ...]) -> None:
        key = path[-1]
        if len(path) == 1 and key in LATER_TABLES:
            self.blame(path, "this table is not in this version")
        elif path[0] == "s3" and re.search("access|secret|token|profile|credential", key):
            self.blame(path, "credentials come from the AWS chain (profile, IRSA, ECS role), never from this file")
        else:
            self.blame(path, "unknown key", _belongs(key) or did_you_mean(key, [field.key for field in fields]))

    def _field(self, field: Field, raw: object, path: KeyPath) -> Any:
        """The field's value; its default where there is none, or none that can be taken."""
        key, variable = ".".join(path), variable_of(path, field.shape)
        if variable and self._environ.get(variable):
            self._places[path] = _Place(f"environment variable {variable}", None)
            raw = {"env": variable}
        elif raw is None and isinstance(field.default, Table):
            raw = {}
        elif raw is None:
            self.origins[key] = "default"
            if field.default is msgspec.NODEFAULT:
                self.blame(path, "this key is missing")
            return field.default
        try:
            value = self._value(field.shape, raw, path)
        except Wrong as wrong:
            self.blame(path, wrong.sentence, wrong.suggestion)
            value = None
        return field.default if value is None and field.default is msgspec.NODEFAULT else value

    def _value(self, shape: Shape, raw: object, path: KeyPath) -> Any:
        if shape.table and shape.named:
            return self._named(shape.table, raw, path)
        if shape.table and (shape.form is None or _is_table(raw)):
            return self.table(shape.table, raw, path)
        assert shape.form
        self.origins[".".join(path)] = self._origin(raw, path)
        return self._many(shape.form, raw, path) if shape.many else self._one(shape.form, raw, path)

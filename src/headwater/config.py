"""Reads headwater.toml: one file, or all `*.toml` of a folder, with the environment over it, into one frozen tree.

All problems are found before any is told, each with its line. What may be said stands in `config_schema.py`; reference,
template, JSON Schema and the effective values are made by `config_pages.py`.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final, NamedTuple, TypeVar, cast

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
    for key, sentence, suggestion in _broken_rules(config):
        if not loader.blames(key[0]):
            loader.blame(key, sentence, suggestion)
    if loader.problems:
        raise ConfigProblems(sorted(loader.problems, key=lambda problem: (problem.file, problem.line or 0)))
    return Loaded(config, loader.origins)


class _Noted(Exception):
    """There is no value, and why is among the problems already."""


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

    def table(self, kind: type[T], raw: object, path: KeyPath) -> T:
        """A table of this kind. Raises _Noted if it is none, or lacks a key that it must have."""
        if not isinstance(raw, dict):
            self.blame(path, f"must be a table: [{'.'.join(path)}]")
            raise _Noted
        fields = fields_of(kind)
        for key in raw:
            if key not in {field.key for field in fields}:
                self._unknown((*path, key), fields)
        values = {field.name: self._field(field, raw.get(field.key), (*path, field.key)) for field in fields}
        if any(value is msgspec.NODEFAULT for value in values.values()):
            raise _Noted
        return kind(**values)

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
        variable = variable_of(path) if field.shape.form else None
        if variable and self._environ.get(variable):
            self._places[path] = _Place(f"environment variable {variable}", None)
            raw = {"env": variable}
        elif raw is None and isinstance(field.default, Table):
            raw = {}
        elif raw is None:
            self.origins[".".join(path)] = "default"
            if field.default is msgspec.NODEFAULT:
                self.blame(path, "this key is missing")
            return field.default
        try:
            return self._value(field.shape, raw, path)
        except Wrong as wrong:
            self.blame(path, wrong.sentence, wrong.suggestion)
        except _Noted:
            pass
        return field.default

    def _value(self, shape: Shape, raw: object, path: KeyPath) -> Any:
        if shape.table and shape.named:
            return self._named(shape.table, raw, path)
        if shape.table and (shape.form is None or _is_table(raw)):
            return self.table(shape.table, raw, path)
        place = self._places.get(path)
        self.origins[".".join(path)] = f"{place or 'default'}{_reference_text(raw, place)}"
        folder = place.folder if place else Path()
        form = cast("Form", shape.form)
        return self._many(form, raw, path, folder) if shape.many else self._one(form, raw, folder)

    def _named(self, kind: type[T], raw: object, path: KeyPath) -> dict[str, T]:
        tables: dict[str, T] = {}
        if not isinstance(raw, dict):
            self.blame(path, f"must be tables by name: [{'.'.join(path)}.NAME]")
            raise _Noted
        for name, table in raw.items():
            here = (*path, name)
            try:
                check_word(name, path[-1].removesuffix("s"))
                tables[name] = self.table(kind, table, here)
            except Refused as refused:
                self.blame(here, refused.sentence)
            except _Noted:
                pass
        return tables

    def _many(self, form: Form, raw: object, path: KeyPath, folder: Path) -> tuple[Any, ...]:
        items = self._resolved(raw, folder).split(",") if _is_reference(raw) else raw
        if not isinstance(items, list):
            raise Wrong("must be a list", f"Write [{quoted(items)}]." if isinstance(items, str) else "")
        if _is_reference(raw):
            return tuple(form.parse(item.strip()) for item in items if item.strip())
        values = []
        for number, item in enumerate(items, 1):
            try:
                values.append(self._one(form, item, folder))
            except Wrong as wrong:
                self.blame(path, f"item {number}: {wrong.sentence}", wrong.suggestion)
        return tuple(values)

    def _one(self, form: Form, raw: object, folder: Path) -> Any:
        if _is_reference(raw):
            raw = _decoded(form, self._resolved(raw, folder))
        elif form.holds_secret(str(raw)):
            raise Wrong("a secret must not stand in this file", 'Write { env = "NAME" } or { file = "PATH" }.')
        if form.is_path and isinstance(raw, str) and raw and "://" not in raw and not raw.startswith("~"):
            raw = str(folder / raw)
        return form.parse(raw)

    def _resolved(self, reference: Any, folder: Path) -> str:
        """The text that `{ env = "NAME" }` or `{ file = "PATH" }` stands for. A file's last line break is not in it."""
        if "file" in reference:
            return _text_of(folder / reference["file"]).rstrip("\r\n")
        name = reference["env"]
        if name not in self._environ:
            raise Wrong(f"the environment variable {name} is not set")
        return self._environ[name]


def _is_reference(raw: object) -> bool:
    return isinstance(raw, dict) and len(raw) == 1 and any(isinstance(raw.get(kind), str) for kind in ("env", "file"))


def _is_table(raw: object) -> bool:
    return isinstance(raw, dict) and not _is_reference(raw)


def _reference_text(raw: Any, place: _Place | None) -> str:
    if not _is_reference(raw) or place is None or place.line is None:
        return ""
    return f", environment variable {raw['env']}" if "env" in raw else f", file {place.folder / raw['file']}"


def _decoded(form: Form, text: str) -> object:
    """A value from outside the file: text as it is; numbers and truth values as TOML writes them."""
    if form.is_text:
        return text
    try:
        return tomllib.loads(f"value = {text}").get("value")
    except tomllib.TOMLDecodeError:
        return text


def _text_of(path: Path) -> str:
    try:
        return path.read_text("utf-8")
    except OSError as error:
        raise Wrong(f"{path} cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise Wrong(f"{path} cannot be read: it is not UTF-8 text") from error


def _lines(text: str) -> dict[KeyPath, int]:
    """The line on which each key, and each table, of a valid TOML text first appears.

    A statement ends with the first line that makes it valid alone, as TOML has none that goes on after such a line.
    Keys inside an inline table, and items of a list, have the line on which their statement begins.
    """
    lines: dict[KeyPath, int] = {}
    table: KeyPath = ()
    statement, first = "", 1
    for number, line in enumerate(text.split("\n"), 1):
        statement += f"{line}\n"
        try:
            found = tomllib.loads(statement)
        except tomllib.TOMLDecodeError:
            continue
        paths = list(_paths(found, ()))
        is_header = statement.lstrip().startswith("[")
        for path in paths:
            lines.setdefault(path if is_header else (*table, *path), first)
        table = paths[-1] if is_header else table
        statement, first = "", number + 1
    return lines


def _paths(table: dict[str, Any], above: KeyPath) -> Iterator[KeyPath]:
    for key, value in table.items():
        yield (*above, key)
        if isinstance(value, dict):
            yield from _paths(value, (*above, key))


def _belongs(key: str) -> str:
    """Where a misplaced key should stand, if there is one place for it."""
    tables = {
        field.key: field.shape.table for field in fields_of(Config) if field.shape.table and not field.shape.named
    }
    homes = [name for name, table in tables.items() if key in {field.key for field in fields_of(table)}]
    if key in {field.key for field in fields_of(Config)}:
        return "It belongs at the top, above the first [table]."
    return f"It belongs in [{homes[0]}]." if len(homes) == 1 else ""


# --- rules that hold between values -----------------------------------------------------------------------------------

_Broken = Iterator[tuple[KeyPath, str, str]]


def _broken_rules(config: Config) -> _Broken:
    yield from _bare_listeners(config)
    yield from _same_listeners(config)
    yield from _senders(config)


def _bare_listeners(config: Config) -> _Broken:
    """Nothing listens off loopback in the clear, unless it says that TLS ends elsewhere, or, FTP, that it is meant."""
    bare = {
        "http": (config.http.tls == "none", 'tls = "upstream" if a proxy in front ends TLS'),
        "admin": (config.admin.tls == "none", 'tls = "upstream" if a proxy in front ends TLS'),
        "ftp": (config.ftp.tls is None, 'tls = "none" if it must be in the clear'),
    }
    for door, (is_bare, otherwise) in bare.items():
        listen = getattr(config, door).listen
        if is_bare and listen and not listen.is_loopback:
            suggestion = f'Set tls = {{ certificate = "…", key = "…" }}, or {otherwise}.'
            yield (door, "listen"), f"would listen on {listen} without TLS", suggestion


def _same_listeners(config: Config) -> _Broken:
    taken: dict[str, str] = {}
    for door in ("http", "sftp", "ftp", "admin"):
        listen = getattr(config, door).listen
        if listen and listen.port and (other := taken.setdefault(str(listen), door)) != door:
            yield (door, "listen"), f"[{other}] listens on {listen} already", ""


def _senders(config: Config) -> _Broken:
    """A sender's root is one of its feeds, no token is the token of two, and who must show several things has them."""
    holders: dict[str, str] = {}
    for name, sender in config.senders.items():
        if sender.root and not any(matches(pattern, parse_feed(sender.root[1:])) for pattern in sender.allow):
            yield ("senders", name, "root"), "is not a feed that this sender may deliver to", "Add it to its allow."
        if sender.factors and set(sender.factors) != {"ssh_key", "password"}:
            yield ("senders", name, "factors"), "must be both, or none", 'Write ["ssh_key", "password"].'
        elif sender.factors and not (sender.passwords and (sender.ssh_keys or sender.ssh_ca)):
            yield (
                ("senders", name, "factors"),
                "asks for what the sender does not have",
                "Give it ssh_keys and passwords.",
            )
        for token in sender.tokens_sha256:
            if (other := holders.setdefault(token, name)) != name:
                yield ("senders", name, "tokens"), f"the sender {other} has the same token", ""

"""What people and editors read about headwater.toml, all made from `config_schema.py` alone.

The template that a home gets, the reference of the docs, the JSON Schema, and the effective values of a configuration.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Mapping
from typing import Any, Final, NamedTuple

import msgspec

from headwater.config_schema import Config, Field, KeyPath, Table, fields_of
from headwater.config_values import REFERENCE

_WIDTH: Final = 110


class Shown(NamedTuple):
    """An effective value as TOML writes it, secrets masked, or in brackets what holds without one; and its origin."""

    key: str
    value: str
    origin: str


def show(config: Config, origins: Mapping[str, str]) -> list[Shown]:
    """Every effective value of a configuration, in the order of the schema."""
    return [Shown(key, value, origins.get(key, "default")) for key, value in _values(config, ())]


def _values(table: Table, path: KeyPath) -> Iterator[tuple[str, str]]:
    for field in fields_of(type(table)):
        value, here = getattr(table, field.name), (*path, field.key)
        if isinstance(value, Table):
            yield from _values(value, here)
        elif isinstance(value, dict):
            for name, named in value.items():
                yield from _values(named, (*here, name))
        else:
            words = field.about.default.replace("`", "") or "not set"
            yield ".".join(here), written(field, value) or f"({words})"


def written(field: Field, value: Any) -> str | None:
    """A value of a field as the file writes it; None where none is set."""
    form = field.shape.form
    if form is None or (value is None and field.default is None) or (value == () and field.about.default):
        return None
    return f"[{', '.join(form.write(item) for item in value)}]" if field.shape.many else form.write(value)


# --- template ---------------------------------------------------------------------------------------------------------

_TOP: Final = """\
The configuration of this Headwater. Every key is commented out, with its default or, where there is none, an example. \
Any value may be { env = "NAME" } or { file = "PATH" }; secrets must be. Durations are written "30m", sizes "128MiB". \
`headwater config check` says what is wrong with this file, `headwater config show` what holds."""


def template() -> str:
    """A headwater.toml that says nothing and shows all that could be said: prose begins with `# `, keys with `#`."""
    return "\n".join([*_prose(_TOP), "", *_template_of(Config, ()), ""])


def _template_of(table: type[Table], path: KeyPath, sign: str = "") -> Iterator[str]:
    for field in fields_of(table):
        if not _is_section(field):
            default = f" Default: {_default(field)}." if field.about.example else ""
            yield from _prose(f"{field.about.meaning}{default}")
            yield f"#{field.key} = {field.about.example or written(field, field.default)}"
    for field, inner in _sections(table):
        # An empty table of a door says nothing, but an empty sender would be one
        inner_sign = "#" if field.shape.named else sign
        here = (*path, field.key, field.about.example) if field.shape.named else (*path, field.key)
        yield from ("", *_prose(_doc(inner)), f"{inner_sign}[{'.'.join(here)}]")
        yield from _template_of(inner, here, inner_sign)


def _prose(text: str) -> list[str]:
    plain = text.replace("`", "")
    return textwrap.wrap(plain, _WIDTH, initial_indent="# ", subsequent_indent="# ", break_on_hyphens=False)


def _is_section(field: Field) -> bool:
    """Whether a table is written under a header of its own, not as a value."""
    return field.shape.named or not field.about.meaning


def _sections(table: type[Table]) -> list[tuple[Field, type[Table]]]:
    return [(field, field.shape.table) for field in fields_of(table) if field.shape.table and _is_section(field)]


def _doc(table: type[Table]) -> str:
    return " ".join((table.__doc__ or "").split())


# --- reference --------------------------------------------------------------------------------------------------------

_REFERENCE: Final = """\
# headwater.toml

Made from the code. `headwater config schema` prints the same as JSON Schema, for editors.

The file is `headwater.toml` in the home, or what `--config` or `HEADWATER_CONFIG` names; of a folder, all `*.toml` are
read. An unknown key is an error, and so is one that two files set. Any value may be `{ env = "NAME" }`, a variable of
the environment, or `{ file = "PATH" }`, the text of a file; secrets must be. A list may be one text with commas there.
Relative paths begin at the folder of the file in which they stand. Durations are written `"30m"` (`ms`, `s`, `m`, `h`,
`d`), sizes `"128MiB"` (`B`, `KiB`, `MiB`, `GiB`, `TiB`).

The values at the top and those of `[http]`, `[sftp]`, `[ftp]` and `[admin]` are overridden by the environment:
`HEADWATER_ZONE`, `HEADWATER_HTTP_LISTEN` and so on, `HEADWATER_` and the key's name in capitals; an empty variable
counts as none. Listeners off loopback need TLS.
"""


def reference() -> str:
    """The page `docs/reference/config.md`: every key with its type, default and meaning."""
    return "\n".join([_REFERENCE, *_reference_of(Config, ())])


def _reference_of(table: type[Table], path: KeyPath) -> Iterator[str]:
    rows = [field for field in fields_of(table) if not _is_section(field)]
    yield f"## [{'.'.join(path)}]" if path else "## At the top"
    yield from ("", _doc(table), "")
    yield from ("| key | type | default | meaning |", "|---|---|---|---|", *(_row(field) for field in rows), "")
    for field in fields_of(table):
        if field.shape.table:
            yield from _reference_of(field.shape.table, (*path, field.key, *(["NAME"] if field.shape.named else [])))


def _row(field: Field) -> str:
    kinds = []
    if field.shape.form:
        kinds.append(f"list of: {field.shape.form.words}" if field.shape.many else field.shape.form.words)
    if field.shape.table:
        kinds.append("table")
    return f"| `{field.key}` | {' or '.join(kinds)} | {_default(field)} | {field.about.meaning} |"


def _default(field: Field) -> str:
    if field.default is msgspec.NODEFAULT:
        return "must be set"
    if isinstance(field.default, Table):
        return "as below"
    value = written(field, field.default)
    return field.about.default or (f"`{value}`" if value else "not set")


# --- JSON Schema ------------------------------------------------------------------------------------------------------


def schema() -> dict[str, Any]:
    """headwater.toml as JSON Schema (draft 2020-12), for editors."""
    references: list[dict[str, Any]] = [
        {"type": "object", "properties": {kind: {"type": "string"}}, "required": [kind], "additionalProperties": False}
        for kind in ("env", "file")
    ]
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "headwater.toml",
        **_schema_of(Config),
        "$defs": {"reference": {"description": "a variable of the environment, or a file's text", "oneOf": references}},
    }


def _schema_of(table: type[Table]) -> dict[str, Any]:
    fields = fields_of(table)
    found: dict[str, Any] = {
        "type": "object",
        "description": _doc(table),
        "properties": {field.key: _schema_of_field(field) for field in fields},
        "additionalProperties": False,
    }
    if required := [field.key for field in fields if field.default is msgspec.NODEFAULT]:
        found["required"] = required
    return found


def _schema_of_field(field: Field) -> dict[str, Any]:
    form, table = field.shape.form, field.shape.table
    about = {"description": field.about.meaning} if field.about.meaning else {}
    if table and field.shape.named:
        return about | {"type": "object", "additionalProperties": _schema_of(table)}
    if table and not form:
        return _schema_of(table) | about
    kinds = [REFERENCE]
    if form and field.shape.many:
        kinds.append({"type": "array", "items": {"anyOf": [form.schema, REFERENCE]}})
    elif form and form.schema not in kinds:
        kinds.append(form.schema)
    if table:
        kinds.append(_schema_of(table))
    return about | {"anyOf": kinds}

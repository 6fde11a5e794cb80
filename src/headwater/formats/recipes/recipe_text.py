"""Calls as values: one description that is printed for people and run by `readers.prove`; nothing is ever evaluated.

A call names a function by its dotted name; its arguments are plain values, other names and other calls. The delivery's
path is `PATH`, printed as `"{path}"`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

import msgspec

LINE_LENGTH_MAX: Final = 110
"""A call that would be longer is printed with one argument a line."""

ALIASES: Final = {"polars": "pl", "pandas": "pd", "pyarrow": "pa", "pyarrow.csv": "pacsv", "pyarrow.json": "pajson"}
"""What modules are called by those who use them."""

MODULES: Final = (
    *("builtins", "bz2", "gzip", "headwater", "json", "lzma", "pandas", "pathlib", "polars"),
    *("pyarrow", "pyarrow.csv", "pyarrow.ipc", "pyarrow.json", "pyarrow.orc", "pyarrow.parquet"),
)
"""The modules that a name may begin with."""


class Name(msgspec.Struct, frozen=True):
    """A thing of a module: `polars.String`."""

    dotted: str

    @property
    def module(self) -> str:
        """The longest module that the name begins with. Raises ValueError where there is none."""
        for module in sorted(MODULES, key=len, reverse=True):
            if self.dotted.startswith(f"{module}."):
                return module
        raise ValueError(f"{self.dotted} is of no module that recipes use")


class Call(msgspec.Struct, frozen=True):
    """A function called; with `of` the method `name` of a value. Options keep their order."""

    name: str
    arguments: tuple[Value, ...] = ()
    options: Mapping[str, Value] = {}
    of: Value = None

    def then(self, name: str, *arguments: Value, **options: Value) -> Call:
        """A method called on what this gives."""
        return Call(name, arguments, options, of=self)


class Path(msgspec.Struct, frozen=True):
    """Where the delivery lies."""


PATH: Final = Path()

Value = None | bool | int | float | str | Name | Path | Call | list["Value"] | Mapping[str, "Value"]


def call(name: str, *arguments: Value, **options: Value) -> Call:
    """A call of a function of a module; options that are None are left out, write Name("None") for None."""
    return Call(name, arguments, {key: value for key, value in options.items() if value is not None})


NONE: Final = Name("builtins.None")
"""None as an option's value."""


def python(value: Value) -> str:
    """What a person pastes: the imports that it needs, then the call."""
    modules = sorted({name.module for name in _names(value)} - {"builtins"})
    imports = [
        f"import {module} as {ALIASES[module]}" if module in ALIASES else f"import {module}" for module in modules
    ]
    return "\n".join([*imports, _shown(value, 0)])


def _names(value: Value) -> Iterator[Name]:
    match value:
        case Name():
            yield value
        case Call():
            if value.of is None:
                yield Name(value.name)
            for inner in (value.of, *value.arguments, *value.options.values()):
                yield from _names(inner)
        case list():
            for inner in value:
                yield from _names(inner)
        case Mapping():
            for inner in value.values():
                yield from _names(inner)
        case _:
            return


def _shown(value: Value, indent: int) -> str:  # noqa: PLR0911 - one for each kind
    match value:
        case Path():
            return '"{path}"'
        case Name():
            return _named(value)
        case Call(name="__getitem__"):
            return f"{_shown(value.of, indent)}[{_shown(value.arguments[0], indent)}]"
        case Call():
            function = _named(Name(value.name)) if value.of is None else f"{_shown(value.of, indent)}.{value.name}"
            inner = [("", each) for each in value.arguments] + [
                (f"{key}=", each) for key, each in value.options.items()
            ]
            return _bracketed(function + "(", inner, ")", indent)
        case list():
            return _bracketed("[", [("", each) for each in value], "]", indent)
        case Mapping():
            return _bracketed("{", [(f"{_quoted(key)}: ", each) for key, each in value.items()], "}", indent)
        case str():
            return _quoted(value)
        case _:
            return repr(value)


def _bracketed(begin: str, inner: list[tuple[str, Value]], end: str, indent: int) -> str:
    flat = begin + ", ".join(key + _shown(each, 0) for key, each in inner) + end
    if indent + len(flat) <= LINE_LENGTH_MAX and "\n" not in flat:
        return flat
    blanks = " " * (indent + 4)
    lines = "".join(f"{blanks}{key}{_shown(each, indent + 4)},\n" for key, each in inner)
    return f"{begin}\n{lines}{' ' * indent}{end}"


def _named(name: Name) -> str:
    module = name.module
    if module == "builtins":
        return name.dotted.removeprefix("builtins.")
    return ALIASES.get(module, module) + name.dotted.removeprefix(module)


def _quoted(text: str) -> str:
    """A Python literal, in double quotes where that reads well."""
    plain = repr(text)
    return f'"{plain[1:-1]}"' if plain.startswith("'") and '"' not in plain and "\\'" not in plain else plain

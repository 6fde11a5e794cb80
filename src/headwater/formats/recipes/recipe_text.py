"""Calls as values: one description that is printed for people and run by `readers.prove`; nothing is ever evaluated.

A call names a function by its dotted name; its arguments are plain values, other names and other calls. The delivery's
path is `PATH`, printed as `"{path}"`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache
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
        return _module_of(self.dotted)


@lru_cache(maxsize=256)
def _module_of(dotted: str) -> str:
    for module in sorted(MODULES, key=len, reverse=True):
        if dotted.startswith(f"{module}."):
            return module
    raise ValueError(f"{dotted} is of no module that recipes use")


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
    printer = _Printer()
    shown = printer.shown(value, 0)
    imports = [
        f"import {module} as {ALIASES[module]}" if module in ALIASES else f"import {module}"
        for module in sorted(printer.modules - {"builtins"})
    ]
    return "\n".join([*imports, shown])


class _Printer:
    """Prints one value. `modules` are those whose names it met."""

    def __init__(self) -> None:
        self.modules: set[str] = set()
        self._flats: dict[int, str] = {}

    def shown(self, value: Value, indent: int) -> str:
        """In one line where that is not too long; else with one argument a line, where it has any."""
        flat = self._flat(value)
        if indent + len(flat) <= LINE_LENGTH_MAX:
            return flat
        match value:
            case Call(name="__getitem__"):
                return f"{self.shown(value.of, indent)}[{self.shown(value.arguments[0], indent)}]"
            case Call() | list() | Mapping():
                begin, inner, end = self._parts(value, lambda of: self.shown(of, indent))
                lines = "".join(f"{' ' * (indent + 4)}{key}{self.shown(each, indent + 4)},\n" for key, each in inner)
                return f"{begin}\n{lines}{' ' * indent}{end}"
            case _:
                return flat

    def _flat(self, value: Value) -> str:
        """In one line. Each part is written once, however deep it lies."""
        known = self._flats.get(id(value))
        if known is None:
            known = self._flats[id(value)] = self._written(value)
        return known

    def _written(self, value: Value) -> str:
        match value:
            case str():
                return _quoted(value)
            case Name():
                return self._named(value)
            case Call(name="__getitem__"):
                return f"{self._flat(value.of)}[{self._flat(value.arguments[0])}]"
            case Call() | list() | Mapping():
                begin, inner, end = self._parts(value, self._flat)
                return begin + ", ".join([key + self._flat(each) for key, each in inner]) + end
            case Path():
                return '"{path}"'
            case _:
                return repr(value)

    def _parts(
        self, value: Call | list[Value] | Mapping[str, Value], shown: Callable[[Value], str]
    ) -> tuple[str, list[tuple[str, Value]], str]:
        """What stands before, within (with what each part begins with) and after the brackets."""
        if isinstance(value, Call):
            function = self._named(Name(value.name)) if value.of is None else f"{shown(value.of)}.{value.name}"
            options = [(f"{key}=", each) for key, each in value.options.items()]
            return f"{function}(", [*(("", each) for each in value.arguments), *options], ")"
        if isinstance(value, list):
            return "[", [("", each) for each in value], "]"
        return "{", [(f"{_quoted(key)}: ", each) for key, each in value.items()], "}"

    def _named(self, name: Name) -> str:
        module = name.module
        self.modules.add(module)
        if module == "builtins":
            return name.dotted.removeprefix("builtins.")
        return ALIASES.get(module, module) + name.dotted.removeprefix(module)


def _quoted(text: str) -> str:
    """A Python literal, in double quotes where that reads well."""
    plain = repr(text)
    return f'"{plain[1:-1]}"' if plain.startswith("'") and '"' not in plain and "\\'" not in plain else plain

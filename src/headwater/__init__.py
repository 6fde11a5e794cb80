"""Headwater: where data begins. `open` finds a zone; what can go wrong is `Refused`, `Unavailable`, `Damaged` or
`Misconfigured`, each with a `reason`. Importing this module costs nothing: each name is loaded when it is first used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from headwater.errors import Damaged, HeadwaterError, Misconfigured, Refused, Unavailable
    from headwater.readers.reading import Reading, read
    from headwater.zone import Change, Changes, Deliveries, Delivery, NoDelivery, Zone, open  # noqa: A004

__all__ = [
    "Change",
    "Changes",
    "Damaged",
    "Deliveries",
    "Delivery",
    "HeadwaterError",
    "Misconfigured",
    "NoDelivery",
    "Reading",
    "Refused",
    "Unavailable",
    "Zone",
    "open",
    "read",
]

_READERS = frozenset({"Reading", "read"})
_ERRORS = frozenset({"Damaged", "HeadwaterError", "Misconfigured", "Refused", "Unavailable"})


def __getattr__(name: str) -> Any:
    if name == "__version__":
        return import_module("importlib.metadata").version("headwater")
    if name not in __all__:
        raise AttributeError(f"module 'headwater' has no attribute {name!r}")
    rooms = {"headwater.errors": _ERRORS, "headwater.readers.reading": _READERS}
    room = next((room for room, names in rooms.items() if name in names), "headwater.zone")
    value = getattr(import_module(room), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__, "__version__"])

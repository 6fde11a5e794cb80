"""Which elements of an XML document are its records: the ones that repeat, and hold most of it."""

from __future__ import annotations

from typing import Final

from headwater.formats.trees.xml_reader import DEPTH_MAX, Refused, clark, local

NODES_MAX: Final = 50_000
"""Different paths that are counted."""

_PLURALS: Final = ("s", "es", "list", "set", "collection", "array", "table", "data")
_ROWS: Final = frozenset(["row", "record", "item", "entry", "element", "object", "doc", "document"])
_SHARE_MIN: Final = 0.05
_ALTERNATIVES_MAX: Final = 5


class Node:
    """A path: how often it came, and how much lies in it."""

    __slots__ = ("attributes", "children", "count", "name", "parent", "repeats", "texts", "weight")

    def __init__(self, name: str, parent: Node | None) -> None:
        self.name = name
        self.parent = parent
        self.children: dict[str, Node] = {}
        self.count = 0
        self.repeats = 0  # how often it came again under the same parent
        self.attributes = 0
        self.texts = 0
        self.weight = 0


class Paths:
    """An `xml_reader.Listener` that counts paths."""

    def __init__(self) -> None:
        self._top = Node("", None)
        self._node = self._top
        self._seen: list[set[str]] = [set()]
        self._nodes = 0

    def start(self, name: str, attributes: dict[str, str]) -> None:
        """An element begins."""
        if len(self._seen) > DEPTH_MAX:
            raise Refused("deep_nesting", f"Elements are nested more than {DEPTH_MAX:,} deep.")
        node = self._node.children.get(name)
        if node is None:
            node = Node(name, self._node)
            if self._nodes < NODES_MAX:
                self._node.children[name] = node
                self._nodes += 1
        node.count += 1
        node.attributes += len(attributes)
        seen = self._seen[-1]
        if name in seen:
            node.repeats += 1
        else:
            seen.add(name)
        self._seen.append(set())
        self._node = node

    def end(self, name: str) -> None:
        """It ends."""
        del name
        self._seen.pop()
        self._node = self._node.parent or self._top

    def text(self, text: str) -> None:
        """A text in it."""
        if not text.isspace():
            self._node.texts += 1

    def look(self, piece_bytes: int) -> None:
        """Nothing to look for."""

    def root(self) -> str:
        """The outermost element."""
        return next(iter(self._top.children), "")

    def open_names(self) -> list[str]:
        """The elements that are open."""
        names: list[str] = []
        node: Node | None = self._node
        while node is not None and node is not self._top:
            names.append(node.name)
            node = node.parent
        return names[::-1]

    def records(self) -> tuple[tuple[str, ...], list[tuple[tuple[str, ...], int]]]:
        """The path of the records, empty if none repeats, and the other paths that repeat, with their counts.

        From the root down always into the heaviest element, until one repeats under its parent.
        """
        _weigh(self._top)
        path: list[str] = []
        node = self._top
        while node.children:
            node = max(node.children.values(), key=lambda child: child.weight)
            path.append(clark(node.name))
            if node.repeats or _is_only_one(node):
                return tuple(path), self._others(tuple(path))
        return (), []

    def _others(self, chosen: tuple[str, ...]) -> list[tuple[tuple[str, ...], int]]:
        """Heavy paths beside the chosen one that repeat too."""
        found: list[tuple[tuple[str, ...], int]] = []
        waiting: list[tuple[tuple[str, ...], Node]] = [((), self._top)]
        least = self._top.weight * _SHARE_MIN
        while waiting:
            path, node = waiting.pop()
            for child in node.children.values():
                inner = (*path, clark(child.name))
                if inner == chosen:
                    continue
                if child.repeats and child.weight >= least:
                    found.append((inner, child.count))
                elif chosen[: len(inner)] == inner or not child.repeats:
                    waiting.append((inner, child))
        return sorted(found, key=lambda each: -each[1])[:_ALTERNATIVES_MAX]


def _weigh(top: Node) -> None:
    """Sums up how much lies in each path, from the leaves upward and without recursion."""
    order = [top]
    for node in order:
        order.extend(node.children.values())
    for node in reversed(order):
        own = node.count + node.attributes + node.texts
        node.weight = own + sum(child.weight for child in node.children.values())


def _is_only_one(node: Node) -> bool:
    """Whether an element that came once is the only record of a list: `<rows><row>…`, `<orders><order>…`."""
    parent = node.parent
    if parent is None or parent.parent is None or len(parent.children) > 1 or not (node.children or node.attributes):
        return False
    name, above = local(node.name).lower(), local(parent.name).lower()
    return name in _ROWS or above in {name + plural for plural in _PLURALS} or above == name.removesuffix("y") + "ies"

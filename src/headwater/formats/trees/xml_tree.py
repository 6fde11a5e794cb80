"""Records of an XML document as they end, cut out of a tree that is built, and taken down again, while it is read.

The tree is built by the parts of ElementTree that are written in C; expat calls them without a detour through Python.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from headwater.formats.trees.xml_known import Run
from headwater.formats.trees.xml_reader import DEPTH_MAX, Refused
from headwater.formats.values.complaints import Complaints

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

RECORD_BYTES_MAX: Final = 16 * 1024 * 1024
"""A longer record is counted, and not looked into; a longer text ends the look."""


class Tree:
    """An `xml_reader.Listener`. `path` leads from the root to the records, in Clark's notation.

    Attributes:
        rows: how many records ended.
        outside: how many elements lay outside of records.
    """

    def __init__(self, path: tuple[str, ...], complaints: Complaints) -> None:
        from xml.etree.ElementTree import TreeBuilder  # noqa: PLC0415 - heavy; it only builds, expat is guarded

        self._path = tuple(name.removeprefix("{") for name in path)
        self._complaints = complaints
        self._builder = TreeBuilder()
        self._top: Element = self._builder.start("", {})
        self._done: list[Element] = []
        self._parts: list[list[Element] | Run] = []
        self._tip: Element | None = None
        self._tip_bytes = 0
        self._record: Element | None = None
        self._record_bytes = 0
        self._is_long = False
        self._root = ""
        self.rows = 0
        self.outside = 0

    @property
    def start(self) -> Callable[[str, dict[str, str]], object]:
        """As `Listener.start`."""
        return self._builder.start

    @property
    def end(self) -> Callable[[str], object]:
        """As `Listener.end`."""
        return self._builder.end

    @property
    def text(self) -> Callable[[str], object]:
        """As `Listener.text`."""
        return self._builder.data

    def root(self) -> str:
        """As `Listener.root`."""
        if not self._root and len(self._top):
            self._root = self._top[0].tag
        return self._root

    def open_names(self) -> list[str]:
        """As `Listener.open_names`: what the builder still waits for is closed, and a record among it let go."""
        self.root()
        names: list[str] = []
        while (element := self._builder.end("")) is not self._top:
            names.append(element.tag)
        names.reverse()
        node = self._top
        if tuple(names[: len(self._path)]) == self._path:
            for _ in self._path[:-1]:
                node = node[-1]
            del node[-1]
        self.finish()
        return names

    def look(self, piece_bytes: int) -> None:
        """Takes the records that ended, and takes down what was looked at."""
        self._take(self._top, 0, is_over=False)
        node, depth, record = self._top, 0, None
        while len(node):
            node = node[-1]
            depth += 1
            if depth == len(self._path):
                record = node
            if depth > DEPTH_MAX:
                raise Refused("deep_nesting", f"Elements are nested more than {DEPTH_MAX:,} deep.")
        self._tip_bytes = self._tip_bytes + piece_bytes if node is self._tip else 0
        self._tip = node
        if self._tip_bytes > RECORD_BYTES_MAX:
            raise Refused("row_too_long", f"A single text is longer than {RECORD_BYTES_MAX:,} bytes.")
        self._record_bytes = self._record_bytes + piece_bytes if record is self._record else 0
        self._record = record
        if record is not None and self._record_bytes > RECORD_BYTES_MAX:
            self._is_long = True
            _thin(record)

    def finish(self) -> None:
        """All elements are closed."""
        self._take(self._top, 0, is_over=True)

    def _take(self, node: Element, level: int, *, is_over: bool) -> None:
        """Takes whole records below this element, which lies on the path; its last child may be open."""
        wanted = self._path[level] if level < len(self._path) else None
        whole = len(node) if is_over else len(node) - 1
        if whole > 0:
            is_record_level = level == len(self._path) - 1
            for child in node[:whole]:
                if child.tag != wanted:
                    self.outside += sum(1 for _ in child.iter())
                elif is_record_level:
                    self._ended(child)
                else:
                    self._take(child, level + 1, is_over=True)
                    self.outside += 1
            if not (level == 0 and is_over):
                del node[:whole]
        if not is_over and len(node):
            last = node[-1]
            if last.tag != wanted:
                self.outside += _thin(last)
            elif level < len(self._path) - 1:
                self._take(last, level + 1, is_over=False)

    def _ended(self, record: Element) -> None:
        self.rows += 1
        if record is self._record:
            self._record = None
            if self._is_long:
                self._is_long = False
                sentence = f"Record {self.rows:,} is longer than {RECORD_BYTES_MAX:,} bytes; it is only counted."
                self._complaints.note("row_too_long", sentence, row=self.rows)
                return
        self._done.append(record)

    def has_ended(self, element: Element) -> bool:
        """Whether an element that ended just now is a record: what comes next lies beside it."""
        node = self._top
        for tag in self._path:
            if not len(node) or node[-1].tag != tag:
                return False
            node = node[-1]
        return node is element and len(self._path) > 1

    def pass_over(self, run: Run) -> None:
        """Takes up records that were found otherwise, after one that `has_ended`."""
        self._take(self._top, 0, is_over=False)
        node = self._top
        for _ in self._path[:-1]:
            node = node[-1]
        self._ended(node[0])
        del node[0]
        self._parts += [self._done, run]
        self._done = []
        self.rows += run.count

    def take(self) -> list[list[Element] | Run]:
        """The records that ended since the last time, in their order."""
        parts, self._parts = [*self._parts, self._done], []
        self._done = []
        return parts


def _thin(element: Element) -> int:
    """Takes down all in an element but what may still be open; answers how much that was."""
    count = 0
    while len(element):
        if len(element) > 1:
            count += sum(1 for child in element[:-1] for _ in child.iter())
            del element[:-1]
        element.text = None
        element = element[-1]
    return count

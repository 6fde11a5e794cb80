"""The way past records that are known, with the place that expat would be at if it had read them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Protocol

from headwater.formats.trees.xml_known import Known, Run

if TYPE_CHECKING:
    from collections.abc import Callable
    from xml.etree.ElementTree import Element
    from xml.parsers import expat

_FEW: Final = 16  # records at once are not worth the way around
_FEW_MAX: Final = 3  # so often, of one piece


class Beside(Protocol):
    """What builds records from what expat calls."""

    @property
    def end(self) -> Callable[[str], object]:
        """Ends an element, and gives it."""

    def has_ended(self, element: Element) -> bool:
        """Whether an element that ended just now is a record: what comes next lies beside it."""

    def pass_over(self, run: Run) -> None:
        """Takes up records that were found otherwise, after one that `has_ended`."""


class Past:
    """Leads a parser past records.

    Attributes:
        lines: how many line ends were passed over.
        is_over: set where what was learnt does not hold any more: references or prefixes may mean something else.
    """

    def __init__(self, known: Known, records: Beside) -> None:
        self._known = known
        self._records = records
        self._line = 0
        self._columns = 0  # what to add to the columns of that line
        self.lines = 0
        self.is_over = False

    def go(self, parser: expat.XMLParserType, feed: Callable[[bytes], None], piece: bytes) -> bytes:
        """Feeds a piece up to where known records begin, and goes past them, and again; what is left to be fed."""
        form = None if self.is_over else self._known.form
        begin = few = 0
        while form is not None and few < _FEW_MAX:
            end = piece.find(form.end, begin)
            last = piece.rfind(form.begin, end, piece.rfind(form.end, end + 1) + 1) if end >= 0 else -1
            if last < 0:  # the last record is always read, for it tells what is open
                break
            feed(piece[begin:end])
            begin = end + len(form.end)
            if not self._is_record(parser, feed, piece[end:begin]) or self.is_over:
                break
            run = form.find(piece[begin:last])
            few += run is None or run.count < _FEW
            if run is not None:
                self._records.pass_over(run)
                self._pass(parser, run.data)
                begin += len(run.data)
        return piece[begin:]

    def _is_record(self, parser: expat.XMLParserType, feed: Callable[[bytes], None], tag: bytes) -> bool:
        """Whether this closing tag ends a record, and is a tag."""
        ended: list[object] = []
        handler = self._records.end
        parser.EndElementHandler = lambda name: ended.append(handler(name))
        try:
            feed(tag)
        finally:
            parser.EndElementHandler = handler
        return len(ended) == 1 and self._records.has_ended(ended[0])  # type: ignore[arg-type]

    def _pass(self, parser: expat.XMLParserType, data: bytes) -> None:
        line, column = parser.CurrentLineNumber, parser.CurrentColumnNumber
        if line != self._line:
            self._line, self._columns = line, 0
        before, found, after = data.rpartition(b"\n")
        self.lines += before.count(b"\n") + len(found)
        self._columns = len(after.decode()) - (column if found else -self._columns)

    def column(self, line: int, column: int) -> int:
        """The column of what expat says lies at this line and column."""
        return column + self._columns if line == self._line else column

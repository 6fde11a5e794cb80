"""Records of XML that are written like those before them, found whole by one regular expression.

Expat reads each record of a kind that did not come before, and goes on where one differs: in its elements, by a
comment, by a reference to a character. So nothing is known here of XML but what one flat record may look like, and all
that makes no such record is left to expat.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Sequence
from itertools import islice
from typing import TYPE_CHECKING, Final
from xml.parsers import expat

SCHEMA: Final = "http://www.w3.org/2001/XMLSchema-instance}"
"""Of names whose attributes, nil, type and schemaLocation, are no data."""

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

    from headwater.formats.trees.xml_records import Shape

_LEARNT_MAX: Final = 200  # records of a run that are looked at
_VAIN_MAX: Final = 20  # runs of which nothing was learnt
_FORMS_MAX: Final = 50  # expressions, one after the other; what has more kinds is left to expat
_PLACES_MAX: Final = 90  # elements and attributes of a record
_BLANK: Final = r"(?:[ \t\n]|\r\n)*+"
_ODD: Final = bytes({*range(32), ord("&")} - {ord("\t"), ord("\n")})
_NO_CHARACTERS: Final = "\ufffe\uffff"
_REFERENCES: Final = (("&lt;", "<"), ("&gt;", ">"), ("&quot;", '"'), ("&apos;", "'"), ("&amp;", "&"))
_TEXT, _VALUE = r"[^<]*+", r'[^"<\t\n]*+'  # where nothing is odd
_REFERENCE: Final = "(?:" + "|".join(written for written, _ in _REFERENCES) + ")"
_PLAIN: Final = r"[^<&\x00-\x08\x0b-\x1f\ufffe\uffff]*+"
_PLAIN_VALUE: Final = r'[^"<&\x00-\x1f\ufffe\uffff]*+'
_TEXT_IF_ODD: Final = rf"{_PLAIN}(?:{_REFERENCE}{_PLAIN})*+"
_VALUE_IF_ODD: Final = rf"{_PLAIN_VALUE}(?:{_REFERENCE}{_PLAIN_VALUE})*+"


class Form:
    """How a record is written: its name, its attributes and elements in their order, by the names of their columns.

    Attributes:
        columns: the names of columns, attributes first; for each whether it is an attribute, and may be missing.
        tags: what expat calls what is written so; attributes with @ before them.
    """

    def __init__(
        self,
        record: str,
        attributes: Sequence[tuple[str, str, bool]],
        elements: Sequence[tuple[str, str, bool]],
        *,
        is_blank: bool,
        tags: dict[str, str],
    ) -> None:
        self.columns = [(name, True, may_miss) for _, name, may_miss in attributes]
        self.columns += [(name, False, may_miss) for _, name, may_miss in elements]
        self.tags = tags
        self.end = f"</{record}>".encode()
        self.begin = f"<{record}".encode()
        self._parts = record, attributes, elements, _BLANK if is_blank else ""
        self._plain = self._pattern(_TEXT, _VALUE)
        self._if_odd: re.Pattern[str] | None = None

    def _pattern(self, text: str, value: str) -> re.Pattern[str]:
        """A record, or all that is left."""
        record, attributes, elements, blank = self._parts
        made = [rf"{_BLANK}<{re.escape(record)}"]
        for written, _, may_miss in attributes:
            name = re.escape(written)
            made.append(rf'(?:[ \t\n]++{name}="({value}"))?+' if may_miss else rf'[ \t\n]++{name}="({value})"')
        made.append(rf">{blank}" if elements else rf"(?:/>|>{_BLANK}</{re.escape(record)}>)")
        for written, _, may_miss in elements:
            name = re.escape(written)
            made.append(rf"(?:<{name}(?:>({text})</{name}>|/>){blank}){'?+' if may_miss else ''}")
        if elements:
            made.append(rf"</{re.escape(record)}>")
        return re.compile("".join(made) + r"|([\s\S]+)")

    def find(self, data: bytes) -> Run | None:
        """Records that these bytes begin with; None if there are none, or it is not for sure."""
        if b"]" in data and b"]]>" in data:
            return None
        try:
            text = data.decode()
        except UnicodeDecodeError:
            return None
        pattern = self._plain
        if len(data.translate(None, _ODD)) < len(data) or any(each in text for each in _NO_CHARACTERS):
            self._if_odd = pattern = self._if_odd or self._pattern(_TEXT_IF_ODD, _VALUE_IF_ODD)
        rows: list[tuple[str, ...]] = pattern.findall(text)
        rest = rows.pop()[-1] if rows and rows[-1][-1] else ""
        return Run(self, rows, data[: len(data) - len(rest.encode())]) if rows else None


class Run:
    """Records after each other.

    Attributes:
        count: how many.
        cells: how many values, and elements without one.
        data: how they are written.
        values: those of each column that are not null.
    """

    def __init__(self, form: Form, rows: Sequence[tuple[str, ...]], data: bytes) -> None:
        self.form = form
        self.count = len(rows)
        self.cells = self.count * len(form.columns)
        self.data = data
        self.values: dict[str, Sequence[str]] = {}
        attributes = 0
        has_missing = False
        for (name, is_attribute, may_miss), column in zip(form.columns, zip(*rows, strict=True), strict=False):
            values: Sequence[str] = column
            if may_miss and is_attribute:
                values = [value[:-1] for value in values if value]
            elif not is_attribute:
                values = list(filter(None, values))
            attributes += len(values) * is_attribute
            has_missing |= may_miss
            self.values[name] = [_said(value) for value in values] if b"&" in data else values
        if has_missing:
            tags, ends = data.count(b"<"), data.count(b"</")
            elements = tags - ends - self.count  # of the tags two are those of the record, and one or two each other's
            self.cells = attributes + (elements if any(not each for _, each, _ in form.columns) else 0)


def _said(text: str) -> str:
    if "&" in text:
        for written, meant in _REFERENCES:
            text = text.replace(written, meant)
    return text


class Known:
    """The form of the records, learnt from those that expat read. `written` says how the name of an element, or
    with the mark "@" of an attribute, is written in the document, if that is sure.
    """

    def __init__(self, written: Callable[[str, str], str | None]) -> None:
        self._written = written
        self._seen: set[tuple[tuple[str, ...], tuple[str, ...]]] = set()
        self._attributes: dict[str, bool] = {}
        self._elements: dict[str, bool] = {}
        self._forms = 0
        self._vain = 0
        self._is_blank = False
        self.form: Form | None = None

    def learn(self, records: Sequence[Element], shape: Shape, counted: Collection[str]) -> None:
        """Takes up how these records are made. Only what has columns that are `counted` already is known."""
        if self._forms >= _FORMS_MAX or (self.form is None and self._vain >= _VAIN_MAX):
            return
        self._vain += bool(records)
        is_new = False
        for record in islice(records, _LEARNT_MAX):
            if not self._is_blank and (record.text or any(child.tail for child in record)):
                self._is_blank = is_new = True
            kind = tuple(child.tag for child in record), tuple(record.keys())
            if kind not in self._seen and _is_flat(record):
                self._seen.add(kind)
                is_new = self._take(*kind) or is_new
        if is_new:
            self._forms += 1
            self._make(records[0].tag, shape, counted)

    def forget(self) -> None:
        """What was learnt is not so any more."""
        self._seen.clear()
        self._attributes, self._elements, self.form = {}, {}, None

    def _take(self, tags: tuple[str, ...], attributes: tuple[str, ...]) -> bool:
        is_first = not self._elements and not self._attributes
        of_tags = _merged(self._elements, tags, is_first=is_first)
        of_attributes = _merged(self._attributes, attributes, is_first=is_first)
        if of_tags is None or of_attributes is None or len(of_tags) + len(of_attributes) > _PLACES_MAX:
            return False
        self._elements, self._attributes = of_tags, of_attributes
        return True

    def _make(self, record: str, shape: Shape, counted: Collection[str]) -> None:
        self.form = None
        places: list[list[tuple[str, str, bool]]] = []
        tags: dict[str, str] = {}
        for mark, known in (("@", self._attributes), ("", self._elements)):
            places.append([])
            for tag, may_miss in known.items():
                if tag.startswith(SCHEMA):
                    return
                name, written = shape.name("", tag, mark), self._written(tag, mark)
                if written is None or name not in counted or name in shape.repeated or tag == record:
                    return
                places[-1].append((written, name, may_miss))
                tags[mark + written] = tag
        written = self._written(record, "")
        if written is not None and (self._elements or self._attributes):
            self.form = Form(written, places[0], places[1], is_blank=self._is_blank, tags={**tags, written: record})


def _is_flat(record: Element) -> bool:
    return not any(map(len, record)) and not any(child.keys() for child in record)


def _merged(known: dict[str, bool], more: Sequence[str], *, is_first: bool) -> dict[str, bool] | None:
    """Names in an order that fits both, and which of them may be missing; None if none fits."""
    order, at = list(known), 0
    for name in more:
        if name not in known:
            order.insert(at, name)
            at += 1
        elif order.index(name) < at:
            return None
        else:
            at = order.index(name) + 1
    if len(set(order)) < len(order):
        return None
    return {name: not is_first and (known.get(name, True) or name not in more) for name in order}


def elements_of(run: Run) -> list[Element]:
    """Records as expat gives them."""
    from xml.etree.ElementTree import TreeBuilder  # noqa: PLC0415 - heavy; it only builds

    builder, tags = TreeBuilder(), {**run.form.tags, ":": ":"}
    parser = expat.ParserCreate("utf-8")
    parser.StartElementHandler = lambda name, attributes: builder.start(
        tags[name], {tags["@" + each]: value for each, value in attributes.items()}
    )
    parser.EndElementHandler = lambda name: builder.end(tags[name])
    parser.CharacterDataHandler = builder.data
    top = builder.start("", {})
    parser.Parse(b"<:>" + run.data + b"</:>", True)  # noqa: FBT003 - takes no keywords
    return list(top[0])

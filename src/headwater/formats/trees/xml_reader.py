"""XML as a stream of elements (XML 1.0, Namespaces in XML 1.0), by expat, with what is dangerous in it refused.

No entity that a file declares is ever expanded: references in contents are passed over, and a declaration that could
make attributes grow ends the look. Nothing outside of the file is ever read.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Final, Protocol
from xml.parsers import expat

from headwater.formats.finding import Wholeness
from headwater.formats.trees.xml_past import Past
from headwater.formats.values.complaints import Complaints
from headwater.terms import Completeness

DEPTH_MAX: Final = 1_000
"""Deeper nesting ends the look."""

_KEPT_BYTES: Final = 64
TAG_BYTES_MAX: Final = 16 * 1024 * 1024
"""A longer tag, comment or declaration ends the look."""

NAMES_MAX: Final = 200_000
"""More different names than this end the look: they are data, and expat keeps them all."""

_ENTITY_CHARS_MAX: Final = 64
_NAMESPACES_MAX: Final = 1_000
_OPEN_SHOWN_MAX: Final = 8
_CODES: Final = expat.errors.codes
_MISPLACED: Final = _CODES[expat.errors.XML_ERROR_MISPLACED_XML_PI]
_UNBOUND: Final = _CODES[expat.errors.XML_ERROR_UNBOUND_PREFIX]
_REASONS: Final = {
    _CODES[expat.errors.XML_ERROR_TAG_MISMATCH]: "a closing tag is not the one of the element that is open",
    _CODES[expat.errors.XML_ERROR_DUPLICATE_ATTRIBUTE]: "an element has the same attribute twice",
    _CODES[expat.errors.XML_ERROR_INVALID_TOKEN]: "a character stands where it may not, such as a bare & or <",
    _CODES[expat.errors.XML_ERROR_UNDEFINED_ENTITY]: "a name between & and ; is not declared",
    _CODES[expat.errors.XML_ERROR_BAD_CHAR_REF]: "a character is given by a number that is none",
    _CODES[expat.errors.XML_ERROR_NO_ELEMENTS]: "there is no element",
    _UNBOUND: "a prefix is used that no namespace was declared for",
    _MISPLACED: "an XML declaration stands in the middle",
}
_CUT: Final = frozenset(
    _CODES[each]
    for each in (
        expat.errors.XML_ERROR_NO_ELEMENTS,
        expat.errors.XML_ERROR_UNCLOSED_TOKEN,
        expat.errors.XML_ERROR_PARTIAL_CHAR,
        expat.errors.XML_ERROR_UNCLOSED_CDATA_SECTION,
    )
)


class Listener(Protocol):
    """What hears of the elements. Names are as expat gives them: `clark` makes them whole."""

    @property
    def start(self) -> Callable[[str, dict[str, str]], object]:
        """Called where an element begins, with its attributes."""

    @property
    def end(self) -> Callable[[str], object]:
        """Called where the element that began last ends."""

    @property
    def text(self) -> Callable[[str], object]:
        """Called with pieces of text in the element that is open."""

    def look(self, piece_bytes: int) -> None:
        """Called after each piece of the document. Raises Refused."""

    def root(self) -> str:
        """The outermost element; empty before it was seen."""

    def open_names(self) -> list[str]:
        """The elements that are open, outermost first. Called once, after all."""


class Refused(Exception):
    """The look ends here."""

    def __init__(self, code: str, sentence: str) -> None:
        super().__init__(sentence)
        self.code = code
        self.sentence = sentence


def clark(name: str) -> str:
    """A name as expat gives it, in Clark's notation."""
    return "{" + name if "}" in name else name


def local(name: str) -> str:
    """A name without its namespace or prefix."""
    return name.rpartition("}")[2].rpartition(":")[2]


class Reader:
    """One pass over a document that is UTF-8 already.

    Attributes:
        namespaces: those that were declared, by prefix.
        version: of XML, as declared.
        has_dtd: whether there is a document type declaration.
        is_unbound: whether it ended at a prefix without a namespace; reading again without namespaces goes on.
        is_refused: whether the look was ended before the end.
        is_cut: whether it ends before its end.
        piece_bytes: how much was read last.
        past: what goes past records that need not be read; none at first.
    """

    def __init__(self, listener: Listener, complaints: Complaints, *, has_namespaces: bool = True) -> None:
        self._listener = listener
        self._complaints = complaints
        self.namespaces: dict[str, str] = {}
        self.version = "1.0"
        self.has_dtd = False
        self.is_unbound = False
        self.is_refused = False
        self.past: Past | None = None
        self._open: list[str] = []
        self._ending = ""
        self._fed_bytes = 0
        self._piece = b""
        self._before = b""  # the last bytes of the pieces before it
        self.is_cut = False
        self.piece_bytes = 0
        self._parser = self._made(has_namespaces=has_namespaces)

    def _made(self, *, has_namespaces: bool) -> expat.XMLParserType:
        parser = expat.ParserCreate("utf-8", "}") if has_namespaces else expat.ParserCreate("utf-8")
        parser.buffer_text = True
        parser.specified_attributes = True
        parser.SetParamEntityParsing(expat.XML_PARAM_ENTITY_PARSING_NEVER)
        parser.StartElementHandler = self._listener.start
        parser.EndElementHandler = self._listener.end
        parser.CharacterDataHandler = self._listener.text
        parser.XmlDeclHandler = self._declared
        parser.StartDoctypeDeclHandler = self._doctype
        parser.EntityDeclHandler = self._entity
        parser.StartNamespaceDeclHandler = self._namespace
        parser.DefaultHandler = self._other  # with it expat expands no entity in contents
        return parser

    def read(self, pieces: Iterable[bytes], *, is_all: bool) -> Iterator[None]:
        """Goes through the document, a piece with each step; what is wrong ends it. `is_all`: the end is the end.

        No piece should be small: expat begins a tag anew with each.
        """
        try:
            for piece in pieces:
                self._feed(piece)
                yield
            if is_all:
                self._parser.Parse(b"", True)  # noqa: FBT003 - takes no keywords
        except Refused as refused:
            self.is_refused = True
            self._ending = refused.sentence
            self._complaints.note(refused.code, refused.sentence)
        except expat.ExpatError as error:
            self._open = self._listener.open_names()
            self._wrong(error)

    @property
    def root(self) -> str:
        """The outermost element."""
        return clark(self._listener.root())

    def _feed(self, piece: bytes) -> None:
        parser = self._parser
        rest = self.past.go(parser, self._parse, piece) if self.past is not None else piece
        self.piece_bytes = len(piece)
        self._parse(rest)
        if self._fed_bytes - max(0, parser.CurrentByteIndex) > TAG_BYTES_MAX:
            raise Refused("row_too_long", f"A single tag or comment is longer than {TAG_BYTES_MAX:,} bytes.")
        self._listener.look(len(piece))
        if len(parser.intern) > NAMES_MAX:
            raise Refused("too_many_columns", f"There are more than {NAMES_MAX:,} different names of elements.")

    def _parse(self, piece: bytes) -> None:
        self._before = (self._before + self._piece[-_KEPT_BYTES:])[-_KEPT_BYTES:]
        self._piece = piece
        try:
            self._parser.Parse(piece, False)  # noqa: FBT003 - takes no keywords
        except expat.ExpatError as error:
            if error.code in _CUT:  # not at the end, so it is no cut
                error.code = _CODES[expat.errors.XML_ERROR_INVALID_TOKEN]
            raise
        self._fed_bytes += len(piece)

    def written(self, name: str, mark: str = "") -> str | None:
        """How the name of an element, or with the mark "@" of an attribute, is written, where all prefixes are those of
        the outermost element; None where that is not sure.
        """
        uri, found, own = name.rpartition("}")
        if not found:
            return name
        prefixes = [each for each, known in self.namespaces.items() if known == uri and (each or not mark)]
        return f"{prefixes[0]}:{own}".removeprefix(":") if len(prefixes) == 1 else None

    def _declared(self, version: str, encoding: str | None, standalone: int) -> None:
        del encoding, standalone
        self.version = version

    def _doctype(self, name: str, system: str | None, public: str | None, has_internal: int) -> None:
        self.has_dtd = True
        if self.past is not None:
            self.past.is_over = True
        del public, has_internal
        outside = f" and points to “{system[:100]}”, which is not read" if system else ""
        self._complaints.note(
            "dtd", f"A document type is declared ({name[:80]}){outside}; readers should not follow it."
        )

    def _entity(
        self, name: str, is_parameter: int, value: str | None, base: str | None, system: str | None, *more: str | None
    ) -> None:
        del is_parameter, base, more
        what = "an outside file" if value is None else "a text"
        sentence = (
            f"The file declares that &{name[:80]}; stands for {what}; it is not expanded, as it may be an attack."
        )
        self._complaints.note("entities", sentence, example=(system or value or name)[:80])
        if value is not None and ("&" in value or "%" in value or len(value) > _ENTITY_CHARS_MAX):
            sentence = (
                "It declares texts that grow when they are read, as attacks do; nothing after that was looked at."
            )
            raise Refused("entity_attack", sentence)

    def _namespace(self, prefix: str | None, uri: str | None) -> None:
        if self.past is not None and self._listener.root():
            self.past.is_over = True
        if len(self.namespaces) < _NAMESPACES_MAX:
            self.namespaces.setdefault(prefix or "", uri or "")

    def _other(self, data: str) -> None:
        """Comments, white space outside of the root, and references to entities: only the last are told."""
        if data.startswith("&"):
            self._complaints.note("entities", f"{data[:80]} is not expanded.", example=data)

    def _wrong(self, error: expat.ExpatError) -> None:
        line, column = error.lineno, error.offset
        if self.past is not None:
            line, column = line + self.past.lines, self.past.column(line, column)
        at = f"line {line:,}, column {column + 1:,}"
        if error.code == _UNBOUND:
            self.is_unbound = True
        if error.code in _CUT:
            self.is_cut = True
            self._ending = self._cut()
        elif self.root and not self._open:
            at_hand = self._before + self._piece
            place = self._parser.ErrorByteIndex - self._fed_bytes + len(self._before)
            is_another = at_hand[max(0, place) :][:1] == b"<"
            what = "another document begins" if is_another else "something else follows"
            self._ending = f"After the end of <{local(self.root)}>, at {at}, {what}; readers stop there."
            self._complaints.note("many_documents" if is_another else "junk_after_end", self._ending)
        else:
            reason = _REASONS.get(error.code, "it is not formed as XML has to be")
            self._ending = f"At {at} it stops being XML: {reason}."
            self._complaints.note("not_well_formed", self._ending)

    def _cut(self) -> str:
        if not self.root:
            return "The file ends before its first element is complete."
        if not self._open:
            return f"After the end of <{local(self.root)}> something else begins, and is cut."
        names = [local(name) for name in self._open]
        shown = ", ".join(names[:_OPEN_SHOWN_MAX])
        return f"The file ends inside <{names[-1]}> (open elements: {shown})."

    @property
    def is_stopped(self) -> bool:
        """Whether the look ended before the bytes did."""
        return bool(self._ending) and not self.is_cut

    @property
    def has_ended_badly(self) -> bool:
        """Whether anything ended the look before the end of the document."""
        return bool(self._ending)

    def wholeness(self) -> Wholeness:
        """How it ends, after `read` went through all of it."""
        if self._ending:
            return Wholeness(Completeness.SUSPECT, (self._ending,))
        return Wholeness(Completeness.PROVEN, (f"The outermost element, <{local(self.root)}>, is closed.",))

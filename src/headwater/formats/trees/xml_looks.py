"""Whether bytes look like XML: a declaration, or a first element that expat can follow."""

from __future__ import annotations

import codecs
import re
from typing import Final
from xml.parsers import expat

from headwater.formats.encodings.transcode import written
from headwater.formats.finding import Guess
from headwater.formats.format import Ends

_DECLARATION: Final = re.compile(r"<\?xml\s+version\s*=")
_BEFORE: Final = re.compile(r"\s*(?:<!--.*?-->\s*|<\?.*?\?>\s*)*", re.DOTALL)
_DOCTYPE: Final = re.compile(r"<!DOCTYPE\s+([\w:.-]+)", re.IGNORECASE)
_ELEMENT: Final = re.compile(r"<([^\W\d][\w:.\u00b7-]*)(?=[\s/>]|\Z)", re.DOTALL)
_HTML: Final = frozenset(
    [
        *("html", "head", "body", "div", "span", "p", "a", "table", "tr", "td", "ul", "ol", "li", "script", "style"),
        *("meta", "title", "br", "h1", "h2", "h3", "img", "form", "section", "article", "header", "footer", "nav", "b"),
    ]
)
_SEEN_MANY: Final = 5
_SURE_IF_LONG: Final = 0.8
_SURE_IF_SHORT: Final = 0.5
_XHTML: Final = "http://www.w3.org/1999/xhtml"


def looks(ends: Ends) -> Guess | None:
    """As `Format.recognise`."""
    how = written(ends.head)
    text = codecs.getincrementaldecoder(how.codec)("replace").decode(ends.head[how.bom_bytes :])
    if not text.lstrip().startswith("<"):
        return None
    is_declared = _DECLARATION.match(text.lstrip()) is not None
    if is_declared and not text.startswith("<?xml"):
        return Guess("xml", 0.9, ("It has an XML declaration, with blank space before it.",))
    before = _BEFORE.match(text)
    rest = text[before.end() :] if before else text
    doctype = _DOCTYPE.match(rest)
    element = _ELEMENT.match(rest)
    root = (doctype or element or ("", ""))[1]
    if is_declared:
        return Guess("xml", 0.99, ("It begins with an XML declaration.",))
    if not root or (doctype and root.lower() == "html" and _XHTML not in rest[:2000]):
        return None
    guess = _followed(text, root)
    if guess is None or root.lower() not in _HTML or _XHTML in rest[:2000]:
        return guess
    return (
        Guess("xml", 0.4, (f"It is well-formed so far, but <{root}> is an element of HTML.",))
        if guess.confidence > _SURE_IF_LONG
        else None
    )


def _followed(text: str, root: str) -> Guess | None:
    """How far expat comes in the first bytes."""
    parser = expat.ParserCreate("utf-8")
    seen: list[str] = []
    parser.StartElementHandler = lambda name, _: seen.append(name)
    parser.DefaultHandler = lambda _: None  # with it no entity is expanded
    parser.EntityDeclHandler = _no_entities
    evidence = f"It begins with the element <{root}>"
    try:
        parser.Parse(text.encode("utf-8", "replace"), False)  # noqa: FBT003 - takes no keywords
    except expat.ExpatError as error:
        if not seen:
            return None
        sure = _SURE_IF_LONG if len(seen) > _SEEN_MANY else _SURE_IF_SHORT
        return Guess("xml", sure, (f"{evidence}, but line {error.lineno:,} is not well-formed.",))
    except _Enough:
        return Guess("xml", 0.95, (f"A document type is declared, of the element <{root}>.",))
    return Guess("xml", 0.97 if seen else 0.8, (f"{evidence}, and is well-formed so far.",))


class _Enough(Exception):
    """Entities are declared: no need to look on."""


def _no_entities(*_: object) -> None:
    raise _Enough

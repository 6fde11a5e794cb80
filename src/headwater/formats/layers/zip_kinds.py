"""What a zip is to its makers: a workbook, a document, a book, a program, or an archive."""

from __future__ import annotations

from typing import Final

from headwater.formats.format import Ends
from headwater.formats.layers.zip_directory import END, LOCAL, names_in

_MIMETYPES: Final = {
    b"application/vnd.oasis.opendocument.spreadsheet": "ods",
    b"application/vnd.oasis.opendocument.text": "odt",
    b"application/vnd.oasis.opendocument.presentation": "odp",
    b"application/vnd.oasis.opendocument.graphics": "odg",
    b"application/epub+zip": "epub",
}
_MIMETYPE_AT: Final = 38  # a stored first member called "mimetype", by OpenDocument 1.3, 3.3 and EPUB 3.3, 4.2
_OOXML: Final = (("xl/workbook.bin", "xlsb"), ("xl/", "xlsx"), ("word/", "docx"), ("ppt/", "pptx"), ("visio/", "vsdx"))
_BY_NAME: Final = (
    ("AndroidManifest.xml", "apk"),
    ("META-INF/MANIFEST.MF", "jar"),
    ("doc.kml", "kmz"),
)


def kind_of(ends: Ends) -> str:
    """The kind, by the first and last bytes; "zip" for a plain archive, "" for what is no zip."""
    if not ends.head.startswith((LOCAL, END, b"PK\x07\x08" + LOCAL)):
        return ""
    names = names_in(ends.head, ends.tail)
    return _by_mimetype(ends.head) or _by_names(names) or "zip"


def _by_mimetype(head: bytes) -> str:
    if head[30:_MIMETYPE_AT] != b"mimetype":
        return ""
    stated = head[_MIMETYPE_AT : _MIMETYPE_AT + 80]
    for mimetype, kind in _MIMETYPES.items():
        if stated.startswith(mimetype) and stated[len(mimetype) : len(mimetype) + 2] in {b"PK", b""}:
            return kind
    return ""


def _by_names(names: list[str]) -> str:
    if any(name == "[Content_Types].xml" or name.startswith(("_rels/", "docProps/")) for name in names):
        for start, kind in _OOXML:
            if any(name.startswith(start) for name in names):
                return kind
    for name, kind in _BY_NAME:
        if name in names:
            return kind
    return "npz" if names and all(name.endswith(".npy") for name in names) else ""

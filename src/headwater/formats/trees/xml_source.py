"""The text of an XML document: in what encoding it is declared, and in what it is."""

from __future__ import annotations

import re
from typing import Final

from headwater.formats.budget import Budget
from headwater.formats.encodings.text_source import Source
from headwater.formats.encodings.transcode import codec_of
from headwater.formats.values.complaints import Complaints
from headwater.ports.ranges import Ranges

_DECLARED: Final = re.compile(rb"""<\?xml[^>]{1,200}?\sencoding\s*=\s*["']([A-Za-z0-9._:-]{1,40})["']""")
_UNICODE: Final = re.compile(r"utf-(8|16|32)|ascii")


def text_of(ranges: Ranges, budget: Budget, complaints: Complaints) -> Source:
    """A pass over the text: by its mark or zero bytes, else as UTF-8 if it is that, else as declared."""
    source = Source(ranges, budget)
    real = source.written
    head = source.head[real.bom_bytes :][: 4 * 256]
    found = _DECLARED.search(head.replace(b"\0", b"") if _UNICODE.match(real.codec) else head)
    if found is None:
        _undeclared(source, complaints)
        return source
    name = found[1].decode()
    declared = codec_of(name)
    if declared is None:
        sentence = f"It declares the encoding {name}, which is not known; it was read as {real.codec.upper()}."
        complaints.note("encoding_disagrees", sentence)
    elif real.bom_bytes or real.codec.startswith(("utf-16", "utf-32")):
        if real.codec[:6] != declared[:6]:
            _disagrees(complaints, name, real.codec)
    elif real.codec == "utf-8" and not source.head.isascii():
        if declared != "utf-8":
            _disagrees(complaints, name, "utf-8")
    elif declared in {"utf-8", "ascii"} or declared.startswith(("utf-16", "utf-32")):
        if real.codec != "utf-8" or declared.startswith("utf-"):
            _of_declared_unicode(complaints, name, declared, real.codec)
    else:
        source.use(declared)
    return source


def _of_declared_unicode(complaints: Complaints, name: str, declared: str, real: str) -> None:
    if declared != real and not (declared == "ascii" and real == "utf-8"):
        _disagrees(complaints, name, real)


def _undeclared(source: Source, complaints: Complaints) -> None:
    if not _UNICODE.match(source.written.codec):
        sentence = f"It declares no encoding, so it should be UTF-8; its bytes look like {source.written.codec}."
        complaints.note("encoding_disagrees", sentence)


def _disagrees(complaints: Complaints, declared: str, real: str) -> None:
    sentence = f"It declares the encoding {declared}, but its bytes are {real.upper()}; readers that believe it fail."
    complaints.note("encoding_disagrees", sentence)

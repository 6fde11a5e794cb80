"""Who a request comes from, as trusted proxies say it: `Forwarded` (RFC 7239), else `X-Forwarded-For` and `-Proto`."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Final

from headwater.gate.addresses import parse

UNKNOWN: Final = "unknown"
"""Stands for a client that a proxy hides, or names so that it cannot be understood; it is in no network."""

_Hop = tuple[str, str | None]

_PAIR: Final = re.compile(r'\s*([!#$%&\'*+.^_`|~\w-]+)=(?:"((?:[^"\\]|\\.)*)"|([^\s;,"]*))\s*', re.ASCII)
_HOST: Final = re.compile(r"\[([^\]]+)\](?::\d+)?|([^:]+):\d+")


def client_of(headers: Mapping[bytes, bytes], trusts: Callable[[str], bool]) -> tuple[str | None, str | None]:
    """The address and the scheme of the nearest hop that is not trusted; None for what no header says.

    Each proxy adds its client at the end, so the list is read from there, past every hop that `trusts` knows.
    """
    if b"forwarded" in headers:
        hops = _forwarded(headers[b"forwarded"].decode("latin-1"))
    else:
        scheme = headers.get(b"x-forwarded-proto", b"").decode("latin-1").rpartition(",")[2].strip().lower() or None
        if b"x-forwarded-for" not in headers:
            return None, scheme
        hops = [(_address(text), scheme) for text in headers[b"x-forwarded-for"].decode("latin-1").split(",")]
    return next(((address, scheme) for address, scheme in reversed(hops) if not trusts(address)), hops[0])


def _forwarded(value: str) -> list[_Hop]:
    """One (for, proto) a hop; of a broken list nothing is believed."""
    hops: list[_Hop] = []
    fields: dict[str, str] = {}
    at = 0
    while at <= len(value):
        if found := _PAIR.match(value, at):
            fields[found[1].lower()] = re.sub(r"\\(.)", r"\1", found[2]) if found[2] is not None else found[3]
            at = found.end()
        end = value[at : at + 1]
        if end not in {"", ",", ";"}:
            return [(UNKNOWN, None)]
        if end != ";":
            hops.append((_address(fields.get("for", "")), fields.get("proto", "").lower() or None))
            fields = {}
        at += 1
    return hops


def _address(text: str) -> str:
    """The address in `192.0.2.1`, `192.0.2.1:80`, `[2001:db8::1]:80` or `2001:db8::1`."""
    text = text.strip()
    host = _HOST.fullmatch(text)
    address = parse((host[1] or host[2]) if host else text)
    return UNKNOWN if address is None else str(address)

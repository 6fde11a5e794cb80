"""Who a request comes from, as trusted proxies say it: `Forwarded` (RFC 7239), else `X-Forwarded-For` and `-Proto`."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Final

from headwater.gate.addresses import parse

_PAIR: Final = re.compile(r'\s*([!#$%&\'*+.^_`|~\w-]+)=(?:"((?:[^"\\]|\\.)*)"|([^\s;,"]*))\s*', re.ASCII)
_HOST: Final = re.compile(r"\[([^\]]+)\](?::\d+)?|([^:]+)(?::\d+)?|(.+)")


def client_of(headers: Mapping[bytes, bytes], trusts: Callable[[str], bool]) -> tuple[str | None, str | None]:
    """The address and the scheme that the nearest untrusted hop used; None for what nobody said.

    Each proxy adds itself at the end, so the list is read from there, past every hop that `trusts` knows.
    """
    if b"forwarded" in headers:
        hops = _forwarded(headers[b"forwarded"].decode("latin-1"))
    else:
        addresses = headers.get(b"x-forwarded-for", b"").decode("latin-1").split(",")
        schemes = headers.get(b"x-forwarded-proto", b"").decode("latin-1").split(",")
        hops = [(_address(text), schemes[-1].strip().lower() or None) for text in addresses if text.strip()]
        hops = hops or [(None, schemes[-1].strip().lower() or None)]
    for address, scheme in reversed(hops):
        if address is None or not trusts(address):
            return address, scheme
    return hops[0]


def _forwarded(value: str) -> list[tuple[str | None, str | None]]:
    """One (for, proto) a hop. A broken list tells nothing: a hop without an address."""
    hops: list[tuple[str | None, str | None]] = []
    fields: dict[str, str] = {}
    at = 0
    while at <= len(value):
        found = _PAIR.match(value, at)
        if found is not None:
            text = re.sub(r"\\(.)", r"\1", found[2]) if found[2] is not None else found[3]
            fields[found[1].lower()] = text
            at = found.end()
        end = value[at : at + 1]
        if end not in {"", ",", ";"}:
            return [(None, None)]
        if end != ";":
            hops.append((_address(fields.get("for", "")), fields.get("proto", "").lower() or None))
            fields = {}
        at += 1
    return hops


def _address(text: str) -> str | None:
    """The address of `192.0.2.1`, `192.0.2.1:80`, `[2001:db8::1]:80` or `2001:db8::1`; None for a name that hides it."""
    if parse(text.strip()) is not None:
        return str(parse(text.strip()))
    found = _HOST.fullmatch(text.strip())
    host = next((group for group in found.groups() if group), "") if found else ""
    address = parse(host)
    return None if address is None else str(address)

"""The page to send to a sender: where to deliver, with which line, and what the answer means. It holds no secret."""

from __future__ import annotations

from headwater.config_schema import Config
from headwater.errors import Refused
from headwater.gate.identify import Identities
from headwater.home import Home
from headwater.identities import FIRST
from headwater.layout import matches
from headwater.ports.books import Identity
from headwater.terms import FeedName


def guide(home: Home, config: Config, identities: Identities, name: str) -> str:
    """The guide for one sender, as plain text. Raises Refused("not_found") for a name that is none."""
    identity = identities.identity(name)
    if identity is None or identity.revoked_at is not None:
        raise Refused("not_found", f"There is no sender {name!r}.")
    url = http_address(config)
    folder = example_feed(identity)
    lines = [
        f"Delivering to Headwater as {name}",
        "",
        "You may deliver to:  " + ", ".join(identity.allow),
        f"Address:             {url}",
    ]
    if identity.addresses:
        lines.append("From:                " + ", ".join(identity.addresses))
    lines += [
        "",
        "With curl (the answer is your receipt):",
        "",
        f"    {curl_line(home, name, url, folder)}",
        "",
        "201 and a receipt mean that the bytes are stored and entered in the ledger; `sha256` is that of what arrived.",
        "Any other answer is not a yes: it says why in one sentence. After a 5xx the same command may be tried again.",
        "Add `Content-Digest` or send a known length, and the receipt says `proven` rather than `presumed`.",
        f"Asking later whether it landed:  GET {url}/v1/attempts",
    ]
    return "\n".join(lines) + "\n"


def http_address(config: Config) -> str:
    """How senders reach the HTTP door."""
    if config.http.public_url:
        return config.http.public_url.rstrip("/")
    scheme = "http" if config.http.tls == "none" else "https"
    return f"{scheme}://{config.http.listen or 'off'}"


def curl_line(home: Home, name: str, url: str, folder: str) -> str:
    """A line that can be pasted from any folder: the home's own `first` has its header in a file."""
    header = home.keys / "first.header" if name == FIRST else "TOKEN.header"
    return f"curl -T README.md -H @{header} {url}/v1/feeds/{folder}/"


def example_feed(identity: Identity) -> str:
    """A feed that this sender may use."""
    for pattern in identity.allow:
        if "*" not in pattern:
            return pattern
        source = pattern.partition("/")[0]
        if "*" not in source and matches(pattern, FeedName(source, "files")):
            return f"{source}/files"
    return "first/files"

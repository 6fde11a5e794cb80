"""The page to send to a sender: where to deliver, with which line, and what the answer means. It holds no secret."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from typing import Final

from headwater.config_schema import Config
from headwater.config_values import Address
from headwater.errors import Refused
from headwater.gate.credentials import PASSWORD, SSH_CA, SSH_KEY, TOKEN, ssh_key_credential
from headwater.gate.identify import Identities
from headwater.home import Home, reached
from headwater.identities import FIRST
from headwater.layout import matches
from headwater.ports.books import Identity
from headwater.terms import FeedName

_FILE: Final = "README.md"
_KEYS: Final = {SSH_KEY: "your SSH key", SSH_CA: "your SSH certificate"}
_SECRETS: Final = {PASSWORD: "your password", TOKEN: "your token, as the password"}
_BITS: Final = {"ssh-ed25519": 255, "ecdsa-sha2-nistp256": 256, "ecdsa-sha2-nistp384": 384, "ecdsa-sha2-nistp521": 521}
"""How many bits the kinds of host keys have, which WinSCP wants to hear."""


def guide(home: Home, config: Config, identities: Identities, name: str) -> str:
    """The guide for one sender, as plain text. Raises Refused("not_found") for a name that is none."""
    identity = identities.identity(name)
    if identity is None or identity.revoked_at is not None:
        raise Refused("not_found", f"There is no sender {name!r}.")
    lines = [
        f"Delivering to Headwater as {name}",
        "",
        "You may deliver to:  " + ", ".join(identity.allow),
    ]
    if identity.addresses:
        lines.append("From:                " + ", ".join(identity.addresses))
    if config.http.listen and not identity.factors:
        lines += ["", *_over_http(home, config, identity)]
    if config.sftp.listen:
        lines += ["", *_over_sftp(home, config, identity)]
    return "\n".join(lines) + "\n"


# --- HTTP -------------------------------------------------------------------------------------------------------------


def _over_http(home: Home, config: Config, identity: Identity) -> list[str]:
    url = http_address(config)
    return [
        f"Address:             {url}",
        "",
        "With curl (the answer is your receipt):",
        "",
        f"    {curl_line(home, identity.name, url, example_feed(identity))}",
        "",
        "201 and a receipt mean that the bytes are stored and entered in the ledger; `sha256` is that of what arrived.",
        "Any other answer is not a yes: it says why in one sentence. After a 5xx the same command may be tried again.",
        "Add `Content-Digest` or send a known length, and the receipt says `proven` rather than `presumed`.",
        f"Asking later whether it landed:  GET {url}/v1/attempts",
    ]


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


# --- SFTP -------------------------------------------------------------------------------------------------------------


def _over_sftp(home: Home, config: Config, identity: Identity) -> list[str]:
    address, folder = sftp_address(config), sftp_folder(identity)
    public_keys = home.public_host_keys(config)
    prints = [(key.partition(" ")[0], ssh_key_credential(key).fingerprint) for key in public_keys]
    return [
        f"SFTP server:         {address.host}, port {address.port}",
        *(f"Its host key:        {fingerprint}  ({kind})" for kind, fingerprint in prints),
        f"Your user name:      {identity.name}",
        f"You show:            {_shown(identity)}",
        f"Your folder:         {folder}",
        "",
        *_clients(home, identity, address, folder, prints),
        "",
        "When the client says that it is done, the bytes are stored and entered in the ledger. The receipt lies beside",
        f"the file, though it is not listed:  get {_FILE}.receipt.json",
        "A cut-off file is never taken for a whole one: put it again, or go on with `reput`, `put -a` or your client's",
        "resume. A name may be put again: that is a new delivery, and nothing is ever overwritten.",
    ]


def _clients(
    home: Home, identity: Identity, address: Address, folder: str, prints: Sequence[tuple[str, str]]
) -> list[str]:
    """A line for each client."""
    host, port = _in_url(address.host), str(address.port)
    place = f"{identity.name}@{host}"
    key = _key_options(home, identity)
    by_key = f'set sftp:connect-program "{shlex.join(["ssh", "-a", "-x", *key])}"; ' if key else ""
    user = f"{identity.name}," if key else identity.name  # what stands after the comma would be the password
    lftp = ["lftp", "-u", user, "-e", f"{by_key}put -O {folder} {_FILE}; bye", f"sftp://{host}:{port}"]
    winscp = f"open sftp://{place}:{port}/{' -privatekey=YOUR_KEY.ppk' if key else ''}"
    trusted = [f"{kind} {_BITS[kind]} {fingerprint.partition(':')[2]}" for kind, fingerprint in prints if kind in _BITS]
    if trusted:
        winscp += f' -hostkey=""{";".join(trusted)}""'
    return [
        "With OpenSSH:",
        "",
        f"    {_sftp(place, port, folder, key)}",
        f"    {shlex.join(['scp', '-P', port, *key, _FILE, f'{place}:{folder}'])}",
        "",
        "With lftp:",
        "",
        f"    {shlex.join(lftp)}",
        "",
        "With WinSCP:",
        "",
        f'    winscp.com /command "{winscp}" "put {_FILE} {folder}" "exit"',
        "",
        "With FileZilla (the key belongs into Settings, SFTP):",
        "",
        f"    filezilla sftp://{place}:{port}{folder}",
    ]


def sftp_address(config: Config) -> Address:
    """How senders reach the SFTP door, which must be open."""
    if config.sftp.public_address:
        return config.sftp.public_address
    listen = config.sftp.listen or Address("off", 0)
    return Address(reached(listen.host), listen.port)


def sftp_folder(identity: Identity) -> str:
    """A folder to put files into, as this sender sees it."""
    return "/" if identity.root else f"/{example_feed(identity)}/"


def sftp_line(home: Home, name: str, address: Address, folder: str) -> str:
    """A line for OpenSSH that can be pasted from any folder: the home's own `first` has its key and ours in files.

    `folder` is the path as the sender sees it, with a slash at both ends.
    """
    return _sftp(f"{name}@{_in_url(reached(address.host))}", str(address.port), folder, _key_files(home, name))


def _sftp(place: str, port: str, folder: str, key: Sequence[str]) -> str:
    line = shlex.join(["sftp", "-P", port, *key, f"{place}:{folder}"])
    # With a password, sftp must have the terminal: it asks for it there, and then for what to do
    return f"{line} <<< 'put {_FILE}'" if key else f"{line}    # and then: put {_FILE}"


def _key_options(home: Home, identity: Identity) -> list[str]:
    kinds = {one.kind for one in identity.credentials if one.revoked_at is None}
    return _key_files(home, identity.name) if kinds & {SSH_KEY, SSH_CA} else []


def _key_files(home: Home, name: str) -> list[str]:
    if name != FIRST:
        return ["-i", "YOUR_KEY"]
    known_hosts = str(home.keys / "known_hosts")
    if " " in known_hosts:
        known_hosts = f'"{known_hosts}"'  # or ssh takes it for two files
    return ["-i", str(home.keys / "first_ed25519"), "-o", f"UserKnownHostsFile={known_hosts}"]


def _shown(identity: Identity) -> str:
    kinds = {one.kind for one in identity.credentials if one.revoked_at is None}
    keys = [words for kind, words in _KEYS.items() if kind in kinds]
    if identity.factors:
        return f"{' or '.join(keys)}, and your password"
    return " or ".join([*keys, *(words for kind, words in _SECRETS.items() if kind in kinds)])


def _in_url(host: str) -> str:
    return f"[{host}]" if ":" in host else host


# --- where to -------------------------------------------------------------------------------------------------------


def example_feed(identity: Identity) -> str:
    """A feed that this sender may use."""
    for pattern in identity.allow:
        if "*" not in pattern:
            return pattern
        source = pattern.partition("/")[0]
        if "*" not in source and matches(pattern, FeedName(source, "files")):
            return f"{source}/files"
    return "first/files"

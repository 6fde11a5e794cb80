"""How a request reaches a server: over HTTP. `local.py` has the other way, into a system in this process."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Protocol
from urllib.parse import urlsplit

import urllib3
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import HTTPError, ProtocolError, ReadTimeoutError, SSLError

from headwater.errors import Misconfigured, Refused, Unavailable

CONNECT_SECONDS_MAX = 10.0
IDLE_SECONDS_MAX = 120.0
"""How long a server may neither take nor give a byte. It may think for 50 s before an answer."""

PIECE_BYTES = 1024 * 1024
CONNECTIONS = 16


@dataclass
class Reply:
    """An answer: its head, and its body in pieces. Closed when the body was read to its end, or by `close`."""

    status: int
    headers: Mapping[str, str]
    pieces: Iterator[bytes]

    def read(self) -> bytes:
        """The whole body."""
        return b"".join(self.pieces)

    def close(self) -> None:
        """Gives up what was not read."""
        if close := getattr(self.pieces, "close", None):
            close()


class Transport(Protocol):
    """Takes requests of any thread. `name` is what people call the other end."""

    @property
    def name(self) -> str:
        """A URL, or a folder."""
        ...

    def request(
        self, method: str, target: str, headers: Mapping[str, str], body: bytes | Iterable[bytes] | None = None
    ) -> Reply:
        """One request. What `body` raises is raised, and its request is left without an end; Unavailable otherwise.

        A body in pieces goes chunked unless `headers` have its Content-Length.
        """
        ...

    def close(self) -> None:
        """Gives connections, threads and locks back."""
        ...


class _Patient:
    """A connection that is made in CONNECT_SECONDS_MAX, but may rest for longer while bytes are sent."""

    sock: socket.socket

    def connect(self) -> None:
        super().connect()  # type: ignore[misc]
        self.sock.settimeout(IDLE_SECONDS_MAX)


class _HttpConnection(_Patient, HTTPConnection):
    pass


class _HttpsConnection(_Patient, HTTPSConnection):
    pass


class _HttpPool(urllib3.HTTPConnectionPool):
    ConnectionCls = _HttpConnection


class _HttpsPool(urllib3.HTTPSConnectionPool):
    ConnectionCls = _HttpsConnection


class HttpTransport:
    """A server at `url`, which is shown `token`. `fingerprint`: the SHA-256 of the certificate that it must have."""

    def __init__(self, url: str, token: str, *, fingerprint: str | None = None) -> None:
        parts = urlsplit(url)
        if not parts.hostname:
            raise Refused("bad_request", f"{url!r} is no server: write https://landing.example.")
        if parts.scheme == "http" and not _is_loopback(parts.hostname):
            raise Refused("insecure", f"A token goes over TLS or to loopback only, and {url} is neither. Use https://.")
        self.name = url
        self._prefix = parts.path.rstrip("/")
        self._headers = {"authorization": f"Bearer {token}", "user-agent": "headwater"}
        self._pool: urllib3.HTTPConnectionPool
        if parts.scheme == "http":
            self._pool = _HttpPool(parts.hostname, parts.port, maxsize=CONNECTIONS)
        elif fingerprint is None:
            context = ssl.create_default_context()
            self._pool = _HttpsPool(parts.hostname, parts.port, maxsize=CONNECTIONS, ssl_context=context)
        else:
            self._pool = _HttpsPool(
                parts.hostname, parts.port, maxsize=CONNECTIONS, cert_reqs="CERT_NONE", assert_fingerprint=fingerprint
            )

    def request(
        self, method: str, target: str, headers: Mapping[str, str], body: bytes | Iterable[bytes] | None = None
    ) -> Reply:
        """As `Transport.request`."""
        feeding = body if body is None or isinstance(body, bytes) else Feeding(body)
        try:
            response = self._pool.urlopen(
                method,
                self._prefix + target,
                body=feeding,
                headers={**self._headers, **headers},
                retries=False,
                redirect=False,
                timeout=urllib3.Timeout(connect=CONNECT_SECONDS_MAX, read=IDLE_SECONDS_MAX),
                preload_content=False,
                decode_content=False,
            )
        except (HTTPError, OSError) as error:
            if isinstance(feeding, Feeding) and feeding.broken is not None:
                raise feeding.broken from None
            raise self._failure(error) from error
        headers = {name.lower(): value for name, value in response.headers.items()}
        return Reply(response.status, headers, self._pieces(response))

    def close(self) -> None:
        """Closes the connections."""
        self._pool.close()

    def _pieces(self, response: urllib3.BaseHTTPResponse) -> Iterator[bytes]:
        try:
            yield from response.stream(PIECE_BYTES, decode_content=False)
            response.release_conn()
        except (HTTPError, OSError) as error:
            raise self._failure(error) from error
        finally:
            response.close()

    def _failure(self, error: Exception) -> Unavailable | Misconfigured:
        if isinstance(error, SSLError):
            return Misconfigured(
                f"{self.name} does not prove who it is: {error.args[0]}. Set SSL_CERT_FILE to the CA it is signed by."
            )
        if isinstance(error, ReadTimeoutError | TimeoutError):
            return Unavailable("timed_out", f"{self.name} did not answer within {IDLE_SECONDS_MAX:.0f} s.")
        if isinstance(error, ProtocolError | ConnectionError):
            return Unavailable("server_unavailable", f"The connection to {self.name} broke.", retry_after_seconds=1)
        return Unavailable("server_unavailable", f"{self.name} cannot be reached. Is it running?")


class Feeding:
    """The pieces of a body; remembers what broke it, however that is dressed up on its way out."""

    def __init__(self, pieces: Iterable[bytes]) -> None:
        self._pieces = pieces
        self.broken: BaseException | None = None

    def __iter__(self) -> Iterator[bytes]:
        try:
            yield from self._pieces
        except GeneratorExit:
            raise
        except BaseException as error:
            self.broken = error
            raise


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        address = ip_address(host)
    except ValueError:
        return False
    return address.is_loopback or address.is_unspecified

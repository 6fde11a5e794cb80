"""TLS of a listener, from PEM files that are watched: connections made after a change get the new certificate."""

from __future__ import annotations

import ssl
from pathlib import Path

from headwater.errors import Misconfigured

_Stamps = tuple[tuple[int, int, int], ...]


class ServerTls:
    """Certificate, key and, for client certificates, the CA that signed them.

    Client certificates are asked for and checked, never demanded: who shows none can still show a token. TLS 1.2 is the
    lowest version (RFC 9325 §3.1.1). Raises Misconfigured for files that do not go together.
    """

    def __init__(self, certificate: Path, key: Path, client_ca: Path | None = None) -> None:
        self._certificate = certificate
        self._key = key
        self._client_ca = client_ca
        self._stamps = self._look()
        self._current = self._load()
        self.context = self._load()
        # Each handshake goes on with the newest context: a file that changed is never half in use
        self.context.sni_callback = self._hand_over

    def reload(self) -> bool:
        """Loads the files again if they changed; True if they did. Raises Misconfigured, and goes on with the old."""
        stamps = self._look()
        if stamps == self._stamps:
            return False
        self._stamps = stamps
        self._current = self._load()
        return True

    def _hand_over(self, connection: ssl.SSLObject, _name: str | None, _context: ssl.SSLContext) -> None:
        connection.context = self._current

    def _look(self) -> _Stamps:
        files = [path for path in (self._certificate, self._key, self._client_ca) if path is not None]
        try:
            stats = [path.stat() for path in files]
        except OSError as error:
            raise Misconfigured(f"The TLS file {error.filename} cannot be read: {error.strerror}.") from error
        return tuple((stat.st_mtime_ns, stat.st_ino, stat.st_size) for stat in stats)

    def _load(self) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.set_alpn_protocols(["http/1.1"])
        try:
            context.load_cert_chain(self._certificate, self._key)
            if self._client_ca is not None:
                context.load_verify_locations(self._client_ca)
                context.verify_mode = ssl.CERT_OPTIONAL
        except (OSError, ssl.SSLError) as error:
            raise Misconfigured(
                f"The TLS files {self._certificate} and {self._key} cannot be used: {error}. "
                "They must be PEM, and the key that of the certificate."
            ) from error
        return context

"""Files of known kinds that a machine has anyway, of Python's packages and of /usr/share: by suffix and a check."""

from __future__ import annotations

import itertools
import sysconfig
from collections.abc import Iterator
from pathlib import Path

from tests.corpus.detection.words import Chance

PLACES = (Path(sysconfig.get_path("purelib")), Path("/usr/share"), Path("/usr/lib/python3"))
BY_SUFFIX = {
    ".py": (b"import ", "python"),
    ".pyc": (b"\r\n", "pyc"),
    ".so": (b"\x7fELF", "elf"),
    ".exe": (b"MZ", "pe"),
    ".png": (b"\x89PNG", "png"),
    ".gif": (b"GIF8", "gif"),
    ".svg": (b"<svg", "xml"),
    ".gz": (b"\x1f\x8b", "gzip"),
    ".sh": (b"#!", "shell"),
    ".css": (b"{", "css"),
    ".html": (b"<html", "html"),
    ".pom": (b"<project", "xml"),
    ".jar": (b"META-INF/MANIFEST.MF", "jar"),
    ".md": (b"#", "markdown"),
    ".npy": (b"\x93NUMPY", "npy"),
}
"""What must stand in its first 4 KiB, and what it is then."""

SIZE_BYTES = range(200, 600_000)
WALK_MAX = 120_000


def real_files(chance: Chance, each_max: int) -> Iterator[tuple[str, str, bytes]]:
    """Kind, name and contents of at most so many of each kind, chosen by chance but the same on the same machine."""
    paths = itertools.chain.from_iterable(place.rglob("*.*") for place in PLACES if place.exists())
    found: dict[str, list[Path]] = {}
    for path in itertools.islice(paths, WALK_MAX):
        if path.suffix in BY_SUFFIX and not path.is_symlink():
            found.setdefault(path.suffix, []).append(path)
    for suffix, candidates in sorted(found.items()):
        mark, kind = BY_SUFFIX[suffix]
        chosen = 0
        for path in chance.sample(sorted(candidates), len(candidates)):
            if chosen == each_max or not path.is_file() or path.stat().st_size not in SIZE_BYTES:
                continue
            data = path.read_bytes()
            if suffix == ".html" and data.startswith(b"<?xml"):
                continue  # XHTML is either
            if mark in data[:4096].lower() or mark in data[:4096]:
                chosen += 1
                yield kind, str(path), data

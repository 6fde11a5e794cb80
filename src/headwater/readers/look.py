"""A finding made on the spot, where inspection has not come yet: in this process, of bytes that one wants to read."""

from __future__ import annotations

from headwater.formats.examine import examine
from headwater.formats.finding import Finding
from headwater.ports.ranges import Ranges
from headwater.readers.contents import patient
from headwater.readers.engine import Engine
from headwater.readers.profile import profile


def look(ranges: Ranges, name: str, engine: Engine) -> Finding:
    """What these bytes are, with every value counted. Raises Unavailable, OSError."""
    return profile(examine(ranges, patient, name=name), ranges, engine, patient())

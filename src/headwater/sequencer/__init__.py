"""The one writer of a zone's log, and reading what was written.

`writer.py` gathers what waits into one compare-and-swap of the head, the commit point; `tiling.py` moves committed
entries out into tiles and publishes checkpoints, off the answer's path; `reading.py` reads all logs of a zone in order.
"""

from headwater.sequencer.reading import LogReader, OpenHead
from headwater.sequencer.writer import Sequencer

__all__ = ["LogReader", "OpenHead", "Sequencer"]

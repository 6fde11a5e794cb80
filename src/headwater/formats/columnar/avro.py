"""Avro object container files (Apache Avro 1.12, Object Container Files): walked block by block, values unread.

The format has no end mark: a file that ends behind a block may have had more of them.
"""

from __future__ import annotations

from headwater.formats.budget import Budget
from headwater.formats.columnar.arrow_schema import schema_problems
from headwater.formats.columnar.avro_blocks import MAGIC, SYNC_BYTES, Cut, Header, Wrong, next_block, read_header
from headwater.formats.columnar.avro_rows import batches
from headwater.formats.columnar.avro_schema import columns_of, parsed
from headwater.formats.finding import Columnar, Description, Guess, Table, Wholeness
from headwater.formats.format import Ends
from headwater.formats.layers.pull import Pull
from headwater.ports.ranges import Broken, Ranges
from headwater.terms import Completeness

__all__ = ["batches", "describe", "recognise"]


def recognise(ends: Ends) -> Guess | None:
    """By its magic number."""
    if ends.head.startswith(MAGIC):
        return Guess("avro", 1.0, ("It begins with the mark of an Avro container file.",))
    return None


def describe(ranges: Ranges, budget: Budget) -> Description:
    """See `Format.describe`."""
    pull = Pull(ranges, budget=budget)
    try:
        header = read_header(pull)
        columns = columns_of(parsed(header.metadata.get("avro.schema", b"null")))
    except Cut:
        return _early("The file ends inside its header, before the first block.", budget)
    except (Wrong, ValueError, RecursionError) as error:
        return _early(f"The header of the Avro file is damaged: {str(error)[:200]}.", budget)
    except Broken as broken:
        return _early(broken.sentence, budget)
    walk = _Walk(pull, header, budget)
    wholeness = walk.wholeness()
    unread = ""
    if budget.is_spent:
        unread = f"Only the first {walk.blocks:,} blocks were counted."
        wholeness = Wholeness(Completeness.PRESUMED, (f"{unread} The end was not looked at.",))
    codec = header.metadata.get("avro.codec", b"null").decode("utf-8", "replace")
    return Description(
        wholeness,
        Columnar("", "1", None if unread else walk.blocks, () if codec == "null" else (codec,)),
        tables=(Table("", columns, None if unread else walk.rows, "stated"),),
        problems=tuple(schema_problems(column.name for column in columns)),
        is_all=False,
        unread=unread or "The values were not read, only the blocks that hold them were counted.",
    )


class _Walk:
    """One pass over the blocks."""

    def __init__(self, pull: Pull, header: Header, budget: Budget) -> None:
        self._pull = pull
        self._sync = header.sync
        self._budget = budget
        self.blocks = 0
        self.rows = 0

    def wholeness(self) -> Wholeness:
        """Walks as far as the budget goes."""
        try:
            while self._budget.has() and (block := next_block(self._pull)) is not None:
                self._over(*block)
        except Cut:
            sentence = f"The Avro file ends inside block {self.blocks + 1:,}, after {self.rows:,} whole rows."
        except Wrong:
            sentence = f"The Avro file is damaged in block {self.blocks + 1:,}, behind its first {self.rows:,} rows."
        except Broken as broken:
            sentence = broken.sentence
        else:
            sentence = (
                "The Avro file ends behind a whole block; the format has no mark that would tell of missing ones."
            )
            return Wholeness(Completeness.PRESUMED, (sentence,))
        return Wholeness(Completeness.SUSPECT, (sentence,))

    def _over(self, rows: int, size_bytes: int) -> None:
        if self._pull.skip(size_bytes) < size_bytes:
            raise Cut
        sync = self._pull.exactly(SYNC_BYTES)
        if len(sync) < SYNC_BYTES:
            raise Cut
        if sync != self._sync:
            raise Wrong
        self.blocks += 1
        self.rows += rows


def _early(sentence: str, budget: Budget) -> Description:
    verdict = Completeness.PRESUMED if budget.is_spent else Completeness.SUSPECT
    return Description(Wholeness(verdict, (sentence,)), Columnar(), is_all=False, unread="Nothing of it was read.")

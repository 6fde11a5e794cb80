from __future__ import annotations

import sqlite3
import stat
from contextlib import closing

import pytest

from headwater.books.sqlite import SqliteBooks, schema
from headwater.books.sqlite.schema import MIGRATIONS, OLDEST_FACT, Migration
from headwater.errors import Damaged, Misconfigured, Unavailable
from headwater.terms import Position
from tests.contract.books.samples import a_receipt, an_identity, placed


@pytest.fixture
async def path(tmp_path):
    """Books with one sender in them, closed."""
    path = tmp_path / "books.sqlite3"
    books = SqliteBooks(path)
    await books.identities.put(an_identity())
    await books.close()
    return path


def version(path):
    """The schema version of a file."""
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute("PRAGMA user_version").fetchone()[0]


def change(path, *statements):
    """Changes closed books."""
    with closing(sqlite3.connect(path)) as connection:
        for statement in statements:
            connection.execute(statement)
        connection.commit()


async def senders(path, *, read_only=False):
    """Opens the books and reads."""
    books = SqliteBooks(path, read_only=read_only)
    try:
        return [identity.name for identity in await books.identities.identities()]
    finally:
        await books.close()


@pytest.fixture
def newer(monkeypatch, tmp_path):
    """A version of the program with one more step."""
    step = tmp_path / "step.sql"
    step.write_text("ALTER TABLE identities ADD COLUMN note TEXT;\n", encoding="utf-8")
    monkeypatch.setattr(schema, "MIGRATIONS", (*MIGRATIONS, Migration(step, oldest=len(MIGRATIONS))))


async def test_the_file_is_its_owners_alone(path):
    """The books have hashes of secrets: nobody else may read the file, nor its log while it is open."""
    books = SqliteBooks(path)
    await books.facts.set_fact("a", "b")
    for each in path.parent.glob("books.sqlite3*"):
        assert stat.S_IMODE(each.stat().st_mode) == 0o600
    await books.close()


async def test_books_are_backed_up_and_brought_up_to_date(path, newer):
    """A newer program takes the step, keeps the rows, and leaves the file as it was beside it, for its owner alone."""
    assert await senders(path) == ["acme"]
    backup = path.with_name(f"books.sqlite3.v{len(MIGRATIONS)}.bak")
    assert (version(path), version(backup)) == (len(MIGRATIONS) + 1, len(MIGRATIONS))
    assert stat.S_IMODE(backup.stat().st_mode) == 0o600
    with closing(sqlite3.connect(backup)) as connection:
        assert connection.execute("SELECT count(*) FROM identities").fetchone() == (1,)


async def test_books_that_are_up_to_date_are_not_backed_up(path):
    """Opening them again leaves nothing beside them."""
    await senders(path)
    assert [each.name for each in path.parent.iterdir()] == ["books.sqlite3"]


async def test_a_step_that_fails_leaves_the_books_as_they_were(path, newer, monkeypatch, tmp_path):
    """Nothing of a step that cannot be finished stays, and the program before it can start again."""
    broken = tmp_path / "broken.sql"
    broken.write_text("CREATE TABLE more (a); CREATE TABLE identities (b);", encoding="utf-8")
    monkeypatch.setattr(schema, "MIGRATIONS", (*MIGRATIONS, Migration(broken, oldest=1)))
    with pytest.raises(sqlite3.OperationalError):
        SqliteBooks(path)
    monkeypatch.undo()
    assert version(path) == len(MIGRATIONS)
    assert await senders(path) == ["acme"]


async def test_one_version_back_can_be_started_again(path, monkeypatch, newer):
    """Books that a newer program has stepped up, and whose step says so, are still good for this one."""
    await senders(path)
    monkeypatch.undo()
    assert await senders(path) == ["acme"]
    assert version(path) == len(MIGRATIONS) + 1


async def test_books_of_a_version_too_new_are_refused(path):
    """What says that it needs a newer program, or nothing about it, is left alone."""
    change(path, "PRAGMA user_version = 99", f"UPDATE facts SET value = '98' WHERE name = '{OLDEST_FACT}'")
    with pytest.raises(Misconfigured, match="99"):
        SqliteBooks(path)
    change(path, "DELETE FROM facts")
    with pytest.raises(Misconfigured, match="99"):
        SqliteBooks(path)


async def test_reading_only_changes_nothing(path, newer, monkeypatch):
    """Read-only books answer, refuse rows, are never made, and never stepped up."""
    with pytest.raises(Misconfigured, match="older"):
        SqliteBooks(path, read_only=True)
    monkeypatch.undo()
    assert version(path) == len(MIGRATIONS)
    assert await senders(path, read_only=True) == ["acme"]
    books = SqliteBooks(path, read_only=True)
    with pytest.raises(Unavailable):
        await books.facts.set_fact("a", "b")
    await books.close()
    with pytest.raises(Misconfigured) as missing:
        SqliteBooks(path.with_name("none"), read_only=True)
    assert missing.value.reason == "no_home"
    assert not path.with_name("none").exists()


async def test_reading_only_works_beside_the_writer(path):
    """What another one has written is seen at once, while it goes on writing."""
    writing = SqliteBooks(path)
    reading = SqliteBooks(path, read_only=True)
    await writing.facts.set_fact("a", "b")
    assert await reading.facts.fact("a") == "b"
    await reading.close()
    await writing.facts.set_fact("a", "c")
    await writing.close()


async def test_a_catalog_of_an_older_schema_is_made_anew(tmp_path, monkeypatch):
    """Books of before changes were kept by delivery begin their catalog again; what is truth in them stays."""
    path = tmp_path / "books.sqlite3"
    monkeypatch.setattr(schema, "MIGRATIONS", MIGRATIONS[:2])
    books = SqliteBooks(path)
    await books.identities.put(an_identity())
    await books.catalog.apply(placed(a_receipt(1)))
    await books.close()
    monkeypatch.undo()
    books = SqliteBooks(path)
    assert (await books.catalog.applied(), await books.catalog.feeds()) == (0, [])
    assert await books.catalog.changes(None, None, Position(0), 9) == []
    await books.catalog.apply(placed(a_receipt(1)))
    assert [change.kind for change in await books.catalog.changes(None, None, Position(0), 9)] == ["landed"]
    assert [identity.name for identity in await books.identities.identities()] == ["acme"]
    await books.close()


@pytest.mark.parametrize("content", [b"not a database, but long enough to be looked at as one" * 20])
def test_what_is_no_database_is_damage(tmp_path, content):
    """A file of something else is not overwritten."""
    path = tmp_path / "books.sqlite3"
    path.write_bytes(content)
    with pytest.raises(Damaged):
        SqliteBooks(path)
    assert path.read_bytes() == content


def test_a_folder_that_is_not_there_is_named(tmp_path):
    """Whoever set the path up reads which one cannot be opened."""
    with pytest.raises(Misconfigured, match="nowhere"):
        SqliteBooks(tmp_path / "nowhere" / "books.sqlite3")

from __future__ import annotations

import hashlib
import zlib
from typing import Any

import pytest

from headwater.followers import companions as weighing
from headwater.followers.companions import Companions, Stated, statements
from headwater.followers.follow import Follower
from headwater.gate.route import is_companion
from headwater.ledger.entries import Amended
from headwater.system import SystemClock
from headwater.terms import Completeness, Declared, Evidence, Position, Receipt, SenderRef, Time
from tests.unit.landing.conftest import Site, offer

BODY, OTHER = b"id\n1\n2\n", b"id\n1\n"
HEX = {name: hashlib.new(name, BODY).hexdigest() for name in ("md5", "sha1", "sha256", "sha512")}
HEX["crc32"] = f"{zlib.crc32(BODY):08x}"
HOUR = 3600


class Later(SystemClock):
    """A clock that can be put on."""

    ahead_seconds = 0

    def now(self) -> Time:
        return Time(super().now() + self.ahead_seconds * 1_000_000)


class World(Site):
    """A landing whose companions are weighed when a test says so."""

    clock: Later

    async def land(self, name: str, body: bytes, sender: str = "acme", *, proven: bool = False) -> Receipt:
        """Lands a file, with its size declared if it shall be `proven`."""
        said = offer(
            name, companion=is_companion(name), declared=Declared(size_bytes=len(body)) if proven else Declared()
        )
        said = type(said)(**{f: getattr(said, f) for f in said.__struct_fields__} | {"sender": SenderRef(sender, "x")})
        upload = await self.landing.open(said)
        await upload.write(0, body)
        receipt = (await upload.seal()).entry
        assert isinstance(receipt, Receipt)
        return receipt

    def begin(self) -> None:
        """A process begins to weigh."""
        self.actor = Companions(self.books.catalog, self.store.reader, self.sequencer, self.books.cursors, self.known)

    async def known(self, _: Position) -> None:
        await self.follower.catch_up()

    async def weigh(self) -> list[Amended]:
        """Weighs what has come; every amendment so far."""
        await Follower(self.reader, self.actor, self.clock).catch_up()
        return [entry for entry in await self.entries() if isinstance(entry, Amended)]

    async def weighed(self, *files: tuple[str, bytes]) -> list[tuple[str, Completeness, str]]:
        """Lands files, weighing after each; the name, completeness and reason of every amendment."""
        names: dict[str, str] = {}
        found: list[Amended] = []
        for name, body in files:
            names[(await self.land(name, body)).id] = name
            found = await self.weigh()
        return [(names[each.id], each.completeness, each.reason) for each in found]


PROVEN = ("a.csv", Completeness.PROVEN, "companion")
SUSPECT = ("a.csv", Completeness.SUSPECT, "companion_mismatch")


@pytest.fixture
async def world(tmp_path):
    """A world that runs."""
    made = World(tmp_path)
    made.clock = Later()
    await made.start()
    made.begin()
    yield made
    await made.crash()


def line(body: bytes, name: str = "a.csv") -> bytes:
    """A line of `sha256sum`."""
    return f"{hashlib.sha256(body).hexdigest()}  {name}\n".encode()


@pytest.mark.parametrize("algorithm", HEX)
async def test_a_companion_proves_the_delivery_before_it(world, algorithm):
    """The entry names companion and delivery, what was declared, and what the stored bytes have."""
    data = await world.land("a.csv", BODY)
    companion = await world.land(f"a.csv.{algorithm}", HEX[algorithm].encode())
    (entry,) = await world.weigh()

    assert (entry.id, entry.completeness, entry.reason) == (data.id, Completeness.PROVEN, "companion")
    assert entry.evidence == (Evidence(f"companion_{algorithm}", HEX[algorithm], HEX[algorithm]),)
    assert entry.claims == (f"companion:{companion.id}:{data.id}",)


async def test_a_companion_that_comes_first_proves_the_delivery_after_it(world):
    """The order does not matter, nor does a process that ended between the two."""
    assert await world.weighed(("a.csv.sha256", line(BODY))) == []
    world.begin()
    assert await world.weighed(("a.csv", BODY)) == [PROVEN]


@pytest.mark.parametrize("names", [("a.csv", "a.csv.md5"), ("a.csv.md5", "a.csv")])
async def test_a_companion_that_does_not_agree_makes_its_delivery_suspect(world, names):
    """In either order; the evidence has both digests."""
    bodies = {"a.csv": OTHER, "a.csv.md5": HEX["md5"].encode()}
    assert await world.weighed(*((name, bodies[name]) for name in names)) == [SUSPECT]
    (entry,) = await world.weigh()
    assert entry.evidence == (Evidence("companion_md5", HEX["md5"], hashlib.md5(OTHER).hexdigest()),)


async def test_the_sender_s_own_number_does_not_outweigh_its_companion(world):
    """What is proven by its size and agrees needs no entry; what does not agree is suspect all the same."""
    await world.land("a.csv", BODY, proven=True)
    await world.land("a.csv.sha256", line(BODY))
    assert await world.weigh() == []
    await world.land("b.csv", OTHER, proven=True)
    await world.land("b.csv.sha256", line(BODY, "b.csv"))
    assert [each.completeness for each in await world.weigh()] == [Completeness.SUSPECT]


async def test_the_last_word_holds(world):
    """A companion that was wrong and is sent again, right, takes the suspicion away; so does a file sent anew."""
    assert await world.weighed(("a.csv", BODY), ("a.csv.sha256", line(OTHER)), ("a.csv.sha256", line(BODY))) == [
        SUSPECT,
        PROVEN,
    ]
    await world.land("b.csv", OTHER)
    await world.land("b.csv.sha256", line(BODY, "b.csv"))
    again = await world.land("b.csv", BODY)
    assert [(each.id == again.id, each.completeness) for each in (await world.weigh())[2:]] == [
        (False, Completeness.SUSPECT),
        (True, Completeness.PROVEN),
    ]


@pytest.mark.parametrize("first", ["a.csv", "a.csv.sha256"])
@pytest.mark.parametrize("at_once", [True, False])
async def test_a_name_that_comes_every_time_is_paired_each_time(world, first, at_once):
    """Whichever the sender sends first, no delivery is held against the companion of the one before or after it."""
    files = []
    for body in (OTHER, BODY, OTHER + BODY):
        pair = [("a.csv", body), ("a.csv.sha256", line(body))]
        files += pair if first == "a.csv" else pair[::-1]
    if at_once:
        for name, body in files:
            await world.land(name, body)
        assert [each.reason for each in await world.weigh()] == ["companion"] * 3
    else:
        assert await world.weighed(*files) == [PROVEN] * 3


async def test_what_came_an_hour_apart_is_not_held_against_each_other(world):
    """A companion sent ahead of today's file says nothing of yesterday's; late, it still proves."""
    assert await world.weighed(("a.csv", OTHER), ("b.csv", BODY)) == []
    world.clock.ahead_seconds = HOUR + 60
    assert await world.weighed(("a.csv.sha256", line(BODY))) == []
    assert len(await world.weighed(("a.csv", BODY))) == 1
    await world.land("b.csv.sha256", line(BODY, "b.csv"))
    assert [each.reason for each in await world.weigh()] == ["companion"] * 2


async def test_a_companion_speaks_of_its_own_sender_and_folder_alone(world):
    """Neither another sender's file of the name, nor one of the name in another folder, is meant."""
    await world.land("a.csv", OTHER, "beta")
    await world.land("in/a.csv", OTHER)
    await world.land("a.csv.sha256", line(BODY))
    assert await world.weigh() == []
    await world.land("in/SHA256SUMS", line(OTHER) + line(BODY, "./deep/b.csv"))
    await world.land("in/deep/b.csv", BODY)
    assert [each.completeness for each in await world.weigh()] == [Completeness.PROVEN] * 2


async def test_it_is_said_once(world):
    """Read again from the beginning, by a process that knows nothing, it enters nothing twice."""
    await world.weighed(("a.csv", OTHER), ("a.csv.sha256", line(BODY)), ("a.csv.sha256", line(OTHER)))
    before = await world.weigh()
    assert len(before) == 2
    await world.books.cursors.advance(weighing.FOLLOWER, 0)
    world.begin()
    assert await world.weigh() == before


async def test_it_is_bounded(world, monkeypatch):
    """A companion over 64 KiB is not read; bytes beyond the limit are not hashed, SHA-256 is known of any."""
    monkeypatch.setattr(weighing, "HASHED_BYTES_MAX", 3)
    await world.land("a.csv", BODY)
    await world.land("a.csv.md5", b"0" * 32)
    await world.land("a.csv.sha256", line(BODY) + b"\n" * 65_536)
    assert await world.weigh() == []
    await world.land("a.csv.sha256", line(BODY))
    assert [each.reason for each in await world.weigh()] == ["companion"]


SHA = HEX["sha256"]
FORMS: dict[str, tuple[str, bytes, list[tuple[str, str]]]] = {
    "alone": ("in/a.csv.sha256", SHA.encode(), [("in/a.csv", "sha256")]),
    "two spaces": ("in/a.csv.sha256", f"{SHA}  a.csv\n".encode(), [("in/a.csv", "sha256")]),
    "star, upper case, CRLF, BOM": (
        "in/a.csv.SHA256",
        b"\xef\xbb\xbf" + f"{SHA.upper()} *a.csv\r\n".encode(),
        [("in/a.csv", "sha256")],
    ),
    "BSD": ("x.sha256", f"SHA256 (a b.csv) = {SHA}".encode(), [("a b.csv", "sha256")]),
    "OpenSSL": ("a.csv.sha256", f"SHA2-256(a.csv)= {SHA}".encode(), [("a.csv", "sha256")]),
    "BSD says the algorithm": ("a.csv.md5", f"SHA1 (a.csv) = {HEX['sha1']}".encode(), [("a.csv", "sha1")]),
    "UTF-16": ("a.csv.sha256", SHA.encode("utf-16"), [("a.csv", "sha256")]),
    "certutil": ("a.csv.md5", f"MD5 hash of a.csv:\r\n{HEX['md5']}\r\nok.\r\n".encode(), [("a.csv", "md5")]),
    "standard input": ("a.csv.sha256", f"{SHA}  -\n".encode(), [("a.csv", "sha256")]),
    "a path of the sender's machine": ("a.csv.sha256", f"{SHA}  /out/a.csv\n".encode(), [("a.csv", "sha256")]),
    "a path of Windows": ("in/MD5SUMS", f"{HEX['md5']} *C:\\out\\a.csv".encode(), [("in/a.csv", "md5")]),
    "a list": (
        "in/SHA256SUMS",
        f"{SHA}  a.csv\n{SHA}  ./x/b.csv\n{SHA}  ../c.csv\n".encode(),
        [("in/a.csv", "sha256"), ("in/x/b.csv", "sha256"), ("in/c.csv", "sha256")],
    ),
    "a list with a digest alone": ("sha1sums.txt", HEX["sha1"].encode(), []),
    "another length": ("a.csv.md5", SHA.encode(), []),
    "no text": ("a.csv.md5", bytes(range(256)), []),
    "a name that is not UTF-8": ("m.md5", HEX["md5"].encode() + b"  \xff.csv", [("\udcff.csv", "md5")]),
}


@pytest.mark.parametrize("form", FORMS)
def test_the_usual_forms_are_read(form):
    """As the tools of Linux, BSD, OpenSSL and Windows write them; what is none of them says nothing."""
    name, data, expected = FORMS[form]
    found: list[Any] = list(statements(name, data))
    assert found == [Stated(name, algorithm, HEX[algorithm]) for name, algorithm in expected]

from __future__ import annotations

import pytest
import rich.pretty

from headwater.errors import Damaged
from headwater.terms import Role
from tests.contract.books.samples import a_credential, an_identity, at


class TestIdentityBook:
    async def test_an_identity_is_put_by_name(self, books):
        """All of them come back, by name, as they were last put; revoked ones too."""
        await books.identities.put(an_identity("zoe", role=Role.ADMIN, credentials=(), addresses=("10.0.0.0/8",)))
        await books.identities.put(an_identity("acme"))
        revoked = an_identity("acme", revoked_at=at(5), root="/acme-crm/daily", expires_at=at(9))
        await books.identities.put(revoked)
        zoe = an_identity("zoe", role=Role.ADMIN, credentials=(), addresses=("10.0.0.0/8",))
        assert await books.identities.identities() == [revoked, zoe]

    async def test_uses_are_the_first_and_the_last(self, books):
        """Uses may come in any order: each credential shows its earliest and its latest one, and others none."""
        await books.identities.put(an_identity(credentials=(a_credential("one"), a_credential("two"))))
        await books.identities.used([("acme", "one", at(5)), ("acme", "one", at(3)), ("nobody", "two", at(1))])
        await books.identities.used([("acme", "one", at(4))])
        (identity,) = await books.identities.identities()
        one, two = identity.credentials
        assert (one.first_used_at, one.last_used_at) == (at(3), at(5))
        assert (two.first_used_at, two.last_used_at) == (None, None)

    async def test_putting_an_identity_again_forgets_no_use(self, books):
        """An identity that was read, used and put back in the meantime still shows the latest use."""
        await books.identities.put(an_identity())
        await books.identities.used([("acme", "SHA256:key", at(1))])
        (read,) = await books.identities.identities()
        await books.identities.used([("acme", "SHA256:key", at(2))])
        await books.identities.put(read)
        (identity,) = await books.identities.identities()
        assert identity.credentials[0].first_used_at == at(1)
        assert identity.credentials[0].last_used_at == at(2)

    async def test_uses_are_told_of_every_name(self, books):
        """Also of one that is no row here: who is declared elsewhere has uses too."""
        assert await books.identities.uses() == []
        await books.identities.used([("acme", "one", at(5)), ("acme", "one", at(3)), ("beta", "two", at(1))])
        assert sorted(await books.identities.uses()) == [
            ("acme", "one", at(3), at(5)),
            ("beta", "two", at(1), at(1)),
        ]

    async def test_what_an_identity_must_show_and_may_use_is_kept(self, books):
        """Factors and legacy come back as they were put, and through a snapshot."""
        demanding = an_identity(factors=("ssh_key", "password"), legacy=True)
        await books.identities.put(demanding)
        await books.restore(await books.snapshot())
        assert await books.identities.identities() == [demanding]


class TestFactBook:
    async def test_a_fact_is_what_was_set_last(self, books):
        """None before it is set, then the latest value."""
        assert await books.facts.fact("zone") is None
        await books.facts.set_fact("zone", "a")
        await books.facts.set_fact("zone", "b")
        assert await books.facts.fact("zone") == "b"


class TestSnapshot:
    async def test_a_snapshot_restores_the_truth_on_a_bare_machine(self, books, engine):
        """Identities with their uses, and facts: all as they were, and a new snapshot is the same bytes."""
        await books.identities.put(an_identity())
        await books.identities.put(an_identity("zoe"))
        await books.identities.used([("acme", "SHA256:key", at(1))])
        await books.facts.set_fact("zone", "z")
        snapshot = await books.snapshot()
        other = engine.open("other")
        await other.restore(snapshot)
        assert await other.identities.identities() == await books.identities.identities()
        assert await other.facts.fact("zone") == "z"
        assert await other.snapshot() == snapshot
        await other.close()

    async def test_a_restore_replaces_what_is_there(self, books, engine):
        """What the snapshot does not have is gone: no sender of before comes through a restore."""
        snapshot = await books.snapshot()
        await books.identities.put(an_identity())
        await books.facts.set_fact("zone", "z")
        await books.restore(snapshot)
        assert await books.identities.identities() == []
        assert await books.facts.fact("zone") is None

    async def test_facts_of_the_machine_stay_where_they_are(self, books, engine):
        """The fact `node`, or one `node.…`, is in no snapshot, and no restore touches it."""
        await books.facts.set_fact("node.id", "here")
        await books.facts.set_fact("node", "here")
        snapshot = await books.snapshot()
        assert b"here" not in snapshot
        other = engine.open("other")
        await other.facts.set_fact("node.id", "there")
        await other.restore(snapshot)
        assert await other.facts.fact("node.id") == "there"
        await other.close()

    @pytest.mark.parametrize(
        "broken",
        [
            b"",
            b"\n",
            b"{}\n",
            b'{"facts":0,"identities":0,"kind":"books","v":2}\n',
            b'{"facts":0,"identities":1,"kind":"books","v":1}\n',
            b'{"kind":"fact","name":"zone","value":"z"}\n',
        ],
    )
    async def test_what_is_no_whole_snapshot_changes_nothing(self, books, broken):
        """Damaged is raised, and the truth that is there stays."""
        await books.identities.put(an_identity())
        with pytest.raises(Damaged):
            await books.restore(broken)
        assert len(await books.identities.identities()) == 1

    async def test_a_snapshot_that_was_cut_is_refused(self, books):
        """Wherever it ends too early, also between two lines, it is not taken for a whole one."""
        await books.identities.put(an_identity())
        await books.identities.put(an_identity("zoe"))
        snapshot = await books.snapshot()
        for cut in range(len(snapshot) - 1):
            with pytest.raises(Damaged):
                await books.restore(snapshot[:cut])


async def test_no_secret_shows(books, caplog):
    """Neither repr, nor pretty print, nor the log and the failure of a write show what a credential is."""
    identity = an_identity()
    secret = identity.credentials[0].secret
    await books.identities.put(identity)
    (read,) = await books.identities.identities()
    shown = [repr(read), str(read.credentials[0]), rich.pretty.pretty_repr(read), f"{read.credentials}"]
    await books.close()
    with pytest.raises(Exception, match="closed") as failed:
        await books.identities.put(identity)
    shown += [repr(failed.value), str(failed.value), caplog.text]
    assert all(secret not in text for text in shown)
    assert "SHA256:key" in shown[0]

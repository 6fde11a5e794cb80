from __future__ import annotations

import shlex

import pytest

from headwater.config_schema import Config, Http, Sftp
from headwater.config_values import Address
from headwater.errors import Refused
from headwater.gate.credentials import password_credential, ssh_ca_credential, ssh_key_credential, token_credential
from headwater.guide import guide, sftp_line
from headwater.home import Home
from headwater.testing.manual_clock import START
from tests.unit.gate.test_credentials import KEY
from tests.unit.gate.world import World, sender

PUBLIC = Config(sftp=Sftp(listen=Address("0.0.0.0", 2022), public_address=Address("sftp.acme.example", 22)))
KEYED, WORD = ssh_key_credential(KEY), password_credential("$argon2id$…")


@pytest.fixture
def home(tmp_path):
    """A home, just made."""
    made = Home(tmp_path / "home")
    made.make()
    return made


async def page(home, *credentials, config=PUBLIC, **more):
    """The guide of a sender with these credentials."""
    world = await World(sender("acme", ("acme-crm/*",), *credentials, **more)).start()
    return guide(home, config, world.identities, "acme")


async def test_a_sender_learns_where_and_whom_to_trust(home):
    """Server, port, each host key's fingerprint as OpenSSH shows it, user name, what to show, and the folder."""
    text = await page(home, KEYED)
    assert "sftp.acme.example, port 22" in text
    for key in home.public_host_keys(PUBLIC):
        assert ssh_key_credential(key).fingerprint in text
    assert "acme-crm/files/" in text
    assert "your SSH key\n" in text


@pytest.mark.parametrize("client", ["sftp", "scp", "lftp", "winscp.com", "filezilla"])
async def test_there_is_a_line_for_each_client(home, client):
    """Each names the user and the server, and the folder to put into."""
    text = await page(home, KEYED)
    (line,) = [line for line in text.splitlines() if line.startswith(f"    {client} ")]
    assert "acme" in line
    assert "sftp.acme.example" in line
    assert "/acme-crm/files/" in line


async def test_the_root_of_a_sender_is_its_folder(home):
    """Who has one feed as its root puts files there."""
    assert "acme@sftp.acme.example:/ <<<" in await page(home, KEYED, root="/acme-crm/daily")


async def test_who_shows_a_password_is_not_told_of_keys(home):
    """The lines take no key then, and leave the terminal to sftp, which asks for the password."""
    text = await page(home, WORD)
    assert "YOUR_KEY" not in text
    assert "<<<" not in text
    assert "your password\n" in text


async def test_who_must_show_both_reads_so_and_finds_no_other_door(home):
    """Key, or certificate, and password; HTTP, where both cannot be shown, is not offered."""
    text = await page(
        home, KEYED, ssh_ca_credential(KEY), WORD, token_credential("ab" * 32), factors=("ssh_key", "password")
    )
    assert "your SSH key or your SSH certificate, and your password" in text
    assert "curl" not in text


async def test_a_door_that_is_closed_is_not_offered(home):
    """Without the SFTP door there is nothing of it, and likewise of HTTP."""
    assert "sftp" not in await page(home, KEYED, config=Config(sftp=Sftp(listen=None)))
    assert "curl" not in await page(home, KEYED, config=Config(http=Http(listen=None)))


def test_the_first_senders_line_holds_all_it_needs(tmp_path):
    """Pasted from any folder it finds the home's own key and knows the server, also where a path has a space in it."""
    home = Home(tmp_path / "a home")
    words = shlex.split(sftp_line(home, "first", Address("127.0.0.1", 2022), "/first/files/").partition(" <<< ")[0])
    keys = home.keys
    known = f'UserKnownHostsFile="{keys}/known_hosts"'
    place = "first@127.0.0.1:/first/files/"
    assert words == ["sftp", "-P", "2022", "-i", f"{keys}/first_ed25519", "-o", known, place]


async def test_nobody_has_no_guide(home):
    """An unknown name, and one that was revoked, are refused."""
    with pytest.raises(Refused):
        guide(home, PUBLIC, (await World().start()).identities, "acme")
    with pytest.raises(Refused):
        await page(home, KEYED, revoked_at=START)

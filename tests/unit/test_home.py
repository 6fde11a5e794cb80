from __future__ import annotations

import stat
import subprocess

import asyncssh
import pytest

from headwater.config_schema import Config, Keys
from headwater.config_values import Address, Secret
from headwater.errors import Misconfigured
from headwater.home import Home


@pytest.fixture
def home(tmp_path):
    """A home, just made."""
    made = Home(tmp_path / "home")
    made.make()
    return made


def test_host_keys_are_made_once(home):
    """Ed25519 and ECDSA, as files that only their owner may read, and the same ones for ever."""
    keys = home.host_keys(Config())
    kinds = [asyncssh.import_private_key(key).get_algorithm() for key in keys]
    assert kinds == ["ssh-ed25519", "ecdsa-sha2-nistp256"]
    assert Home(home.path).host_keys(Config()) == keys
    for name in ("ssh_host_ed25519", "ssh_host_ecdsa"):
        assert stat.S_IMODE((home.keys / name).stat().st_mode) == 0o600


def test_an_rsa_host_key_is_made_for_old_clients_alone(home):
    """It has 3072 bits, and is used only while it is asked for."""
    assert not (home.keys / "ssh_host_rsa").exists()
    *others, rsa = home.host_keys(Config(), legacy=True)
    key = asyncssh.import_private_key(rsa)
    assert (key.get_algorithm(), key.pyca_key.key_size) == ("ssh-rsa", 3072)
    assert home.host_keys(Config()) == others


def test_configured_host_keys_win(home):
    """What `[keys] ssh_host` says is used, OpenSSH's form or PKCS #8, and nothing is made."""
    ours = [asyncssh.generate_private_key("ssh-ed25519"), asyncssh.generate_private_key("ecdsa-sha2-nistp256")]
    texts = [ours[0].export_private_key("openssh").decode(), ours[1].export_private_key("pkcs8-pem").decode()]
    config = Config(keys=Keys(ssh_host=tuple(map(Secret, texts))))
    assert home.host_keys(config) == [text.encode() for text in texts]
    assert home.public_host_keys(config) == [key.export_public_key().decode().strip() for key in ours]
    assert not list(home.keys.glob("ssh_host*"))


@pytest.mark.parametrize("text", ["hunter2", "-----BEGIN OPENSSH PRIVATE KEY-----\nhunter2\n"])
def test_a_host_key_that_is_none_is_told(home, text):
    """What is no private key is refused with what to give instead, and is not repeated."""
    with pytest.raises(Misconfigured, match="Give it as PEM") as caught:
        home.public_host_keys(Config(keys=Keys(ssh_host=(Secret(text),))))
    assert "hunter2" not in caught.value.sentence


@pytest.mark.parametrize(
    ("address", "place"),
    [
        (Address("127.0.0.1", 2022), "[127.0.0.1]:2022"),
        (Address("0.0.0.0", 2023), "[127.0.0.1]:2023"),
        (Address("::", 2022), "[::1]:2022"),
        (Address("127.0.0.1", 22), "127.0.0.1"),
    ],
)
def test_known_hosts_name_the_server_as_it_is_reached_from_here(home, address, place):
    """OpenSSH finds each host key under the address and port that a client on this machine uses."""
    path = home.write_known_hosts(Config(), address)
    found = subprocess.run(["ssh-keygen", "-F", place, "-f", path], capture_output=True, text=True, check=True).stdout
    lines = [line.split(" ", 1)[1] for line in found.splitlines() if not line.startswith("#")]
    assert lines == home.public_host_keys(Config())


def test_a_configuration_that_lies_there_is_taken(tmp_path):
    """Whoever writes headwater.toml first, then makes the home, finds it as it was."""
    (tmp_path / "headwater.toml").write_text('zone = "s3://bucket/prefix"\n')
    home = Home(tmp_path)
    home.make()
    assert home.exists()
    assert home.config_path.read_text() == 'zone = "s3://bucket/prefix"\n'


def test_a_folder_of_something_else_is_left_alone(tmp_path):
    """Nothing is made among files that are not ours, with a configuration or without."""
    for name in ("notes.txt", "headwater.toml"):
        (tmp_path / name).write_text("")
        with pytest.raises(Misconfigured, match="is no home"):
            Home(tmp_path).make()
    assert sorted(each.name for each in tmp_path.iterdir()) == ["headwater.toml", "notes.txt"]

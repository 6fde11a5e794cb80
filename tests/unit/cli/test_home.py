from __future__ import annotations

from tests.homes import make_home


def test_init_makes_a_home_once(bare, place):
    """Init makes a home with a zone; done again it changes nothing; a zone may be named, and but one."""
    (place / "toml").write_text("accept_volatile = true\n")
    first = bare("--home", "h", "init", "--zone", str(place / "elsewhere"), "--json")
    again = bare("--home", "h", "init", "--zone", str(place / "elsewhere"), "--json")

    assert (first.code, first.document) == (0, again.document)
    assert (place / "elsewhere" / "zone.json").exists()
    assert bare("--home", "h", "init", "--zone", str(place / "third")).code == 1


def test_the_books_are_backed_up_rebuilt_and_put_back(bare, place):
    """A backup opens with the recovery key, is rehearsed, and goes into a new home; a wrong key is refused."""
    home = make_home(place / "home")
    words = ("--home", str(home.path))
    bare(*words, "senders", "add", "acme", "--allow", "acme-crm/*")
    assert bare(*words, "books", "backup", "--json").document["key"].startswith("backup/")
    assert bare(*words, "books", "rebuild").code == 0
    zone, key = str(home.path / "zone"), str(home.recovery_key_path)

    assert bare("books", "restore", zone, "--recovery-key", key, "--check").code == 0
    assert bare("books", "restore", zone, "--recovery-key", key).code == 2
    done = bare("--home", "new", "books", "restore", zone, "--recovery-key", key, "--json")
    assert done.code == 0
    (place / "new" / "keys" / "ledger").write_bytes((home.keys / "ledger").read_bytes())
    assert "acme" in bare("--home", "new", "senders").out
    other = make_home(place / "other")
    assert bare("books", "restore", zone, "--recovery-key", str(other.recovery_key_path), "--check").code == 2


def test_the_recovery_key_is_confirmed(bare, place):
    """Doctor reminds of the recovery key until it was confirmed and is gone from the machine."""
    home = make_home(place / "home")
    words = ("--home", str(home.path))
    assert "still lies" in bare(*words, "doctor").out
    assert bare(*words, "keys", "confirm-recovery", str(home.recovery_key_path)).code == 0
    home.recovery_key_path.unlink()

    assert "was confirmed" in bare(*words, "doctor").out


def test_doctor_says_what_is_unsafe_and_how_to_mend_it(bare, place):
    """An open folder of keys is unsafe: 1, the probe, and the command that mends it."""
    home = make_home(place / "home")
    words = ("--home", str(home.path), "doctor")
    assert bare(*words).code == 0
    home.keys.chmod(0o755)
    done = bare(*words, "--json")

    assert (done.code, done.document["safe"]) == (1, False)
    assert f"chmod 0700 {home.keys}" in done.out


def test_a_configuration_is_checked_with_its_lines(bare, place):
    """Config check names the line and a suggestion; show says where values come from; schema is JSON Schema."""
    home = make_home(place / "home")
    words = ("--home", str(home.path), "config")
    assert bare(*words, "check").code == 0
    shown = {one["key"]: one for one in bare(*words, "show", "--json").lines}
    assert shown["http.listen"]["origin"].endswith("headwater.toml:3")
    home.config_path.write_text('[http]\nlisten = "127.0.0.1:0"\nlisen = "x"\n')
    done = bare(*words, "check")

    assert done.code == 2
    assert "headwater.toml:3" in done.err
    assert "listen" in done.err
    assert bare(*words, "schema").document["title"] == "headwater.toml"

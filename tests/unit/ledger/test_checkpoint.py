from __future__ import annotations

from base64 import b64encode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headwater.ledger.merkle import EMPTY_ROOT
from headwater.ledger.note import Checkpoint, NoteError

ROOT = bytes(range(32))
ROOT64 = b64encode(ROOT).decode()


def test_the_specification_s_checkpoint_is_read_and_written():
    """Origin, size and root of the example of c2sp.org/tlog-checkpoint, and the same text again."""
    text = "example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n"
    checkpoint = Checkpoint.parse(text)
    assert (checkpoint.origin, checkpoint.size, checkpoint.extensions) == ("example.com/behind-the-sofa", 20852163, ())
    assert checkpoint.root.hex() == "0ac5186a91863e8e1d90c808014aa89bf5da8e3ee1d9f07630f0378f68f1ab62"
    assert checkpoint.text() == text


def test_an_empty_log_has_size_0():
    """The checkpoint of a log without entries says 0 and the empty root."""
    text = "example.com/log\n0\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n"
    assert Checkpoint("example.com/log", 0, EMPTY_ROOT).text() == text
    assert Checkpoint.parse(text).size == 0


LINES = st.text(st.characters(codec="utf-8", exclude_categories=["Cc"]), min_size=1)


@given(
    st.builds(
        Checkpoint,
        LINES,
        st.integers(0, 2**63 - 1),
        st.binary(min_size=32, max_size=32),
        st.lists(LINES, max_size=3).map(tuple),
    )
)
def test_every_checkpoint_comes_back(checkpoint):
    """Parsing a checkpoint's text gives the checkpoint, extensions included."""
    assert Checkpoint.parse(checkpoint.text()) == checkpoint


@pytest.mark.parametrize(
    "text",
    [
        "",
        "\n",
        "log\n",
        "log\n1\n",
        f"log\n1\n{ROOT64}",
        f"\n1\n{ROOT64}\n",
        f"log\n\n{ROOT64}\n",
        f"log\n01\n{ROOT64}\n",
        f"log\n00\n{ROOT64}\n",
        f"log\n+1\n{ROOT64}\n",
        f"log\n-1\n{ROOT64}\n",
        f"log\n 1\n{ROOT64}\n",
        f"log\n1 \n{ROOT64}\n",
        f"log\n1_000\n{ROOT64}\n",
        f"log\n0x1\n{ROOT64}\n",
        f"log\n\u0661\n{ROOT64}\n",
        f"log\n{10**19}\n{ROOT64}\n",
        "log\n1\n\n",
        f"log\n1\n{ROOT64[:-1]}\n",
        f"log\n1\n{ROOT64[:-2]}9=\n",
        f"log\n1\n{ROOT64}=\n",
        f"log\n1\n {ROOT64}\n",
        "log\n1\nAAAA\n",
        f"log\n1\n{ROOT64}\n\n",
        f"log\n1\n{ROOT64}\n\nextension\n",
    ],
)
def test_a_malformed_checkpoint_is_refused(text):
    """Missing lines, empty lines, other spellings of the size, other base64 or another length of the root: refused."""
    with pytest.raises(NoteError):
        Checkpoint.parse(text)


@pytest.mark.parametrize(
    ("origin", "size", "root", "extensions"),
    [
        ("", 1, ROOT, ()),
        ("a\nb", 1, ROOT, ()),
        ("log", -1, ROOT, ()),
        ("log", 1, ROOT[1:], ()),
        ("log", 1, ROOT, ("",)),
        ("log", 1, ROOT, ("a\nb",)),
    ],
)
def test_a_checkpoint_that_could_not_be_read_again_cannot_be_made(origin, size, root, extensions):
    """Lines that are empty or two, a negative size, a root of another length are refused at once."""
    with pytest.raises(NoteError):
        Checkpoint(origin, size, root, extensions)

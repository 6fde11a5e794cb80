from __future__ import annotations

from base64 import b64encode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headwater.ledger.merkle import EMPTY_EDGE, leaf_hash
from headwater.ledger.note import Checkpoint, Signer, open_note, sign_note
from headwater.ledger.proof import (
    ProofError,
    TlogProof,
    decode_tlog_proof,
    encode_tlog_proof,
    verify_inclusion,
)
from tests.unit.ledger.naive import TREE, entry

A, B = bytes(range(32)), bytes(range(32, 64))
A64, B64 = b64encode(A).decode(), b64encode(B).decode()
CHECKPOINT = f"example.com/log\n3\n{A64}\n\n\N{EM DASH} example.com/log AAAAAA==\n"


def test_a_proof_file_is_lines_and_the_checkpoint_verbatim():
    """Header, extra, index, hashes, blank line, checkpoint; without extra data there is no such line."""
    assert encode_tlog_proof(7, [A, B], CHECKPOINT, b"hi") == (
        f"c2sp.org/tlog-proof@v1\nextra aGk=\nindex 7\n{A64}\n{B64}\n\n{CHECKPOINT}"
    )
    assert encode_tlog_proof(0, [], CHECKPOINT) == f"c2sp.org/tlog-proof@v1\nindex 0\n\n{CHECKPOINT}"


@given(
    st.builds(
        TlogProof,
        st.integers(0, 2**63 - 1),
        st.lists(st.binary(min_size=32, max_size=32), max_size=5).map(tuple),
        st.text(),
        st.none() | st.binary(),
    )
)
def test_a_proof_file_gives_back_what_it_was_made_from(proof):
    """Decoding an encoded proof gives its index, hashes, checkpoint and extra data."""
    assert decode_tlog_proof(encode_tlog_proof(proof.index, proof.proof, proof.checkpoint, proof.extra)) == proof


@pytest.mark.parametrize(
    "text",
    [
        "",
        "c2sp.org/tlog-proof@v1",
        "c2sp.org/tlog-proof@v1\nindex 0\n",
        f"c2sp.org/tlog-proof@v2\nindex 0\n\n{CHECKPOINT}",
        f" c2sp.org/tlog-proof@v1\nindex 0\n\n{CHECKPOINT}",
        f"c2sp.org/tlog-proof@v1\r\nindex 0\r\n\r\n{CHECKPOINT}",
        f"c2sp.org/tlog-proof@v1\n\n{CHECKPOINT}",
        f"c2sp.org/tlog-proof@v1\nextra aGk=\n\n{CHECKPOINT}",
        f"c2sp.org/tlog-proof@v1\nindex 0\nextra aGk=\n\n{CHECKPOINT}",
        f"c2sp.org/tlog-proof@v1\nextra aGk\nindex 0\n\n{CHECKPOINT}",
        f"c2sp.org/tlog-proof@v1\nextra aGl=\nindex 0\n\n{CHECKPOINT}",
        f"c2sp.org/tlog-proof@v1\nindex 01\n\n{CHECKPOINT}",
        f"c2sp.org/tlog-proof@v1\nindex -1\n\n{CHECKPOINT}",
        f"c2sp.org/tlog-proof@v1\nindex +1\n\n{CHECKPOINT}",
        f"c2sp.org/tlog-proof@v1\nindex  1\n\n{CHECKPOINT}",
        f"c2sp.org/tlog-proof@v1\nindex 1_0\n\n{CHECKPOINT}",
        f"c2sp.org/tlog-proof@v1\nindex \u0661\n\n{CHECKPOINT}",
        f"c2sp.org/tlog-proof@v1\nindex {10**30}\n\n{CHECKPOINT}",
        f"c2sp.org/tlog-proof@v1\nindex 0\n{A64[:-4]}\n\n{CHECKPOINT}",
        f"c2sp.org/tlog-proof@v1\nindex 0\n{A64} \n\n{CHECKPOINT}",
        f"c2sp.org/tlog-proof@v1\nindex 0\n{A64}{A64}\n\n{CHECKPOINT}",
    ],
)
def test_a_malformed_proof_file_is_refused(text):
    """Any other header, order, number or base64 than the specification's is refused as a ProofError."""
    with pytest.raises(ProofError):
        decode_tlog_proof(text)


def test_a_proof_file_proves_an_entry_to_somebody_who_has_only_the_key():
    """From the file and the public key alone: the checkpoint opens, and the entry is under its root; another is not."""
    signer = Signer.generate("example.com/log")
    edge = EMPTY_EDGE.extend([leaf_hash(entry(index)) for index in range(9)])
    note = sign_note(Checkpoint("example.com/log", 9, edge.root()).text(), signer)
    file = encode_tlog_proof(4, TREE.path(4, 0, 9), note)

    held = decode_tlog_proof(file)
    checkpoint = Checkpoint.parse(open_note(held.checkpoint, [signer.verifier]))
    verify_inclusion(leaf_hash(entry(4)), held.index, checkpoint.size, held.proof, checkpoint.root)
    with pytest.raises(ProofError, match="leads to another root"):
        verify_inclusion(leaf_hash(entry(3)), held.index, checkpoint.size, held.proof, checkpoint.root)

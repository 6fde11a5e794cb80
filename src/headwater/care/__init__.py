"""Keeping a zone: proofs to hand out, re-verification, probes, backups of the books, the recovery key.

`proving.py` and `bundle.py` make what an auditor takes away, `checking.py` checks it offline; `verify.py` re-reads
ledger (`tree.py`) and bytes (`hashing.py`); `doctor.py` looks at everything around; `backup.py` seals the books' truth
for `recovery.key` (`keys.py`) and puts it back (`replay.py`).
"""

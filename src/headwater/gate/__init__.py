"""What all doors share: who is calling, what they may, where their bytes go, how much is too much, and what is kept of it.

`admit.py` makes a caller of a credential (with `identify.py`, `passwords.py`, `bans.py`, `turned_away.py`), `allow.py` says
what the caller may do, `route.py` where a file goes, `limits.py` how much is taken, `transcript.py` keeps what happened.
`senders.py` changes who there is, `explain.py` says beforehand what would happen.
"""

"""What all doors share: who is calling, what they may, where their bytes go, and how much is too much.

`admit.py` makes a caller of a credential (with `identify.py`, `passwords.py`, `bans.py` and `turned_away.py`),
`allow.py` says what the caller may do, `route.py` where a file goes, `limits.py` how much is taken; `transcript.py`
keeps what happened. For doors with folders, `view.py` is what a sender sees, `underway.py` what is on its way by
name, `temporary.py` which names move. `senders.py` changes who there is, `views.py` shows it, `explain.py` says what
would happen.
"""

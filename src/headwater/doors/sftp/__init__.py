"""The SFTP door: SSH by asyncssh, and above it our own SFTP v3 (draft-ietf-secsh-filexfer-02), exec and scp.

`server.py` listens, `letting_in.py` says who comes, `channel.py` is one channel, `packets.py` takes requests in order
and gives answers, `session.py` says what each does: `writing.py`, `reading.py` and `moving.py` do it. `wire.py` is the
packets, `commands.py` and `scp.py` are what partners run; `desk.py` is what a connection's channels share.
"""

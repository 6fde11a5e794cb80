"""The SFTP door: SSH by asyncssh, and above it our own SFTP v3 (draft-ietf-secsh-filexfer-02), exec and scp.

`server.py` listens and lets in, `channel.py` takes packets and gives answers, `session.py` says what each request does,
`files.py` holds what is open, `wire.py` is the packets, `commands.py` and `scp.py` are what partners run.
"""

"""The one ASGI app and its server: who calls, what they may see, and answers that say why.

`services.py` names all that web and doors work with; `app.py` takes requests, `routes.py` is the one table of the read
API, `server.py` listens (with `protocol.py`, `tls.py`, `preamble.py`); the rest is one file a subject.
"""

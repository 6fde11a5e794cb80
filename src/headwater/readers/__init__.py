"""How deliveries are read: local bytes, recipes run, statistics over all values, SQL.

`local.py` and `spool.py` bring bytes to where engines can open them, `engine.py` opens DuckDB so that it touches
nothing else, `relation.py` makes a relation of any finding; `profile.py`, `prove.py` and `sql.py` stand on these.
"""

"""What bytes are, one file a format: pure functions over `ports.ranges.Ranges`, without I/O of their own.

`finding.py` has the words, `format.py` what each format brings, `table.py` the one table of them; `examine.py` is the
whole path: layers off, detect, describe, wholeness; `drift.py` what changed in a feed. Formats lie in folders by their
kind; `values/` and `encodings/` are what they share, `recipes/` how engines read what was found.
"""

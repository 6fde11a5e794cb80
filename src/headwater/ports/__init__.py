"""What the core needs from outside, one file a port. Read this second; the MUSTs in the docstrings are the contract,
and tests/contract holds one suite for each.
"""

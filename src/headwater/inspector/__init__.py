"""Inspection in processes of its own: hostile bytes meet only a jailed child that can read one object and no more.

`inspect.py` is the whole path of a finding; `worker.py` the process that forks children, `child.py` what they do,
`jail.py` what they may do; `client.py` the side that starts a worker, hands it bytes and kills it; `pool.py` the
server's few.
"""

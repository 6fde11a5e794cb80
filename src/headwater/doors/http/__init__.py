"""The HTTP door: `PUT` and `POST` below `/v1/feeds/`, one request a delivery.

`door.py` takes the exchange, `push.py` brings one request's bytes through the waist, `heads.py` and `digests.py` read
what its head says. `ROUTES` describes the calls.
"""

"""The public sync API: `zone.py` has `open` and `Zone`, `delivery.py` what it gives out.

`where.py` finds the zone, `transport.py` and `local.py` reach it, `calls.py` speaks the HTTP API over either,
`source.py` reads what is to be landed.
"""

from headwater.zone.delivery import Change, Changes, Deliveries, Delivery, NoDelivery
from headwater.zone.zone import Zone, open  # noqa: A004

__all__ = ["Change", "Changes", "Deliveries", "Delivery", "NoDelivery", "Zone", "open"]

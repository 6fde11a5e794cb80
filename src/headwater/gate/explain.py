"""What would happen, said beforehand: `senders check NAME --from ADDRESS --path P`."""

from __future__ import annotations

import msgspec

from headwater.errors import Refused
from headwater.gate.addresses import networks, parse, within
from headwater.gate.allow import TABLE, Verb
from headwater.gate.bans import Bans
from headwater.gate.route import Feeds, Routed, route_path
from headwater.gate.views import view
from headwater.ports.books import Identity
from headwater.terms import Time, shown


class Explanation(msgspec.Struct, frozen=True):
    """Whether the identity would be let in, where a file at the path would go, and the rules, in the order asked."""

    let_in: bool
    routed: Routed | None
    rules: tuple[str, ...]


def explain(identity: Identity, address: str, path: str | None, *, feeds: Feeds, bans: Bans, now: Time) -> Explanation:
    """Asks what `admit` and `route_path` would ask, for a caller with a right credential.

    `path` is as the sender sees it over SFTP: absolute, below its root. Raises Refused("bad_request") for no address.
    """
    if parse(address) is None:
        raise Refused("bad_request", f"{shown(address)} is no address: write 198.51.100.7 or 2001:db8::7.")
    asked = (_credentials(identity, now), _address(identity, address), _role(identity))
    rules = [sentence for _, sentence in asked]
    if identity.factors:
        rules.append(f"{identity.name} must show its key and its password together, and so comes by SFTP alone.")
    if seconds := bans.seconds_left(address):
        rules.append(f"{address} is banned for another {seconds:.0f} s; that turns away wrong credentials alone.")
    routed = None
    if path is not None:
        try:
            routed = route_path(identity, path, feeds)
        except Refused as refusal:
            rules.append(refusal.sentence)
        else:
            rules.append(_place(routed))
    return Explanation(all(fine for fine, _ in asked), routed, tuple(rules))


def _credentials(identity: Identity, now: Time) -> tuple[bool, str]:
    seen = view(identity, now)
    if seen.state != "live":
        return False, f"{identity.name} is {seen.state}."
    live = [one.fingerprint for one in seen.credentials if one.state == "live"]
    if not live:
        return False, f"{identity.name} has no live credential: rotate gives it one."
    return True, f"{identity.name} has {len(live)} live credentials: {', '.join(live)}."


def _address(identity: Identity, address: str) -> tuple[bool, str]:
    if not identity.addresses:
        return True, f"{identity.name} may come from any address."
    fine = within(address, networks(identity.addresses))
    return fine, f"{address} is {'' if fine else 'not '}within {', '.join(identity.addresses)}."


def _role(identity: Identity) -> tuple[bool, str]:
    fine = Verb.DELIVER in TABLE[identity.role]
    return fine, f"The role {identity.role} {'delivers' if fine else 'does not deliver'}."


def _place(routed: Routed) -> str:
    what = " as a companion" if routed.companion else ""
    if routed.unexpected:
        return f"{shown(routed.path or '')} is in no known feed: it lands in {routed.feed}{what}, to be assigned."
    return f"It lands in {routed.feed}{what}, as {shown(routed.name)}."

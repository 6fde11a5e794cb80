"""What the sender's own numbers say about the bytes: `proven` where one agrees, refused where one does not."""

from __future__ import annotations

from collections.abc import Sequence

from headwater.errors import Refused
from headwater.landing.digest import Digester
from headwater.terms import Completeness, Declared, Evidence


def weigh(
    declared: Declared, digester: Digester, evidence: Sequence[Evidence]
) -> tuple[Completeness, tuple[Evidence, ...], Refused | None]:
    """The completeness of an upload that was ended explicitly, all evidence for it, and the refusal it earned, if any.

    Evidence from the door counts like what was declared. A number or digest that the sender gave and that is not the
    observed one makes it `suspect`, and refused with size_mismatch or digest_mismatch.
    """
    found = list(evidence)
    if declared.size_bytes is not None and not any(fact.kind == "content_length" for fact in found):
        found.append(Evidence("size", str(declared.size_bytes), str(digester.size_bytes)))
    for algorithm, value in sorted(declared.digests.items()):
        if (observed := digester.observed(algorithm)) is not None:
            found.append(Evidence(algorithm, value, observed))
    for fact in found:
        if fact.declared and fact.declared != fact.observed:
            reason = "size_mismatch" if fact.kind in {"size", "content_length"} else "digest_mismatch"
            refusal = Refused(reason, f"{fact.kind} was declared as {fact.declared}, but is {fact.observed}.")
            return Completeness.SUSPECT, tuple(found), refusal
    agreed = any(fact.declared for fact in found)
    return (Completeness.PROVEN if agreed else Completeness.PRESUMED), tuple(found), None

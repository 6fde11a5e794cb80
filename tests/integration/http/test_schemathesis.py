"""schemathesis, which makes requests from our own OpenAPI description, against the real server."""

from __future__ import annotations

import subprocess

from headwater.gate.bans import BanRules
from tests.processes import program
from tests.unit.web.live import Live
from tests.unit.web.world import LOG

_PARAMETERS = """
[parameters]
"path.id" = "{id}"
"path.source" = "acme-crm"
"path.log" = "{log}"
"path.file" = "checkpoint"
"""
_LEFT_OUT = (
    "positive_data_acceptance",  # what a name, a feed or a key may be is more than a JSON schema can say
    "ensure_resource_availability",  # POST to a feed that nobody declared does not make it: it lands in `unsorted`
)


def test_the_server_does_what_its_description_says(tmp_path):
    """Whatever requests the description allows or forbids: no fault, and each answer is one that it tells."""
    with Live(tmp_path / "world", ban_rules=BanRules(threshold=1e9)) as live:
        landed = live.call("PUT", "/v1/feeds/acme-crm/daily/a.csv", b"a,b\n").json["receipt"]["id"]
        (tmp_path / "schemathesis.toml").write_text(_PARAMETERS.format(id=landed, log=LOG))
        token = live.world.tokens["admin"]
        command = [program("st"), "run", f"{live.url}/openapi.json", "-H", f"Authorization: Bearer {token}"]
        options = f"--exclude-checks {','.join(_LEFT_OUT)} --warnings off --generation-database none --no-color"
        run = subprocess.run(
            [*command, *options.split(), "-n", "20", "--seed", "1"],
            check=False,
            capture_output=True,
            text=True,
            cwd=tmp_path,
        )
        assert run.returncode == 0, run.stdout[-6000:] + run.stderr

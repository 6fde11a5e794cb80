"""What Prometheus reads."""

from __future__ import annotations

import re

from headwater.web.metrics import Metrics

LINE = re.compile(r'[a-z_]+(\{([a-z]+="([^"\\\n]|\\.)*",?)+\})? -?[0-9.e+]+')


def test_every_line_is_of_the_format():
    """Each line is a comment or a sample of the text exposition format, and each sample's family is declared once."""
    metrics = Metrics()
    metrics.requests.add("GET", "200")
    metrics.requests.add('odd"\\\n', "200")
    metrics.landed_bytes.add("http", by=10**13)
    metrics.seal_seconds.observe(0.003, "http")
    metrics.seal_seconds.observe(100, "http")
    metrics.uploads_open["http"] += 1
    metrics.gauge("headwater_memory_bytes", "Memory.", lambda: 2**30)
    metrics.gauge("headwater_absent", "Not there.", lambda: None)
    metrics.gauge("headwater_lag", "Behind.", lambda: {("catalog",): 3}, "follower")
    lines = metrics.text().splitlines()
    assert all(line.startswith("# ") or LINE.fullmatch(line) for line in lines), lines
    types = [line.split()[2] for line in lines if line.startswith("# TYPE")]
    assert len(types) == len(set(types))
    assert 'headwater_landed_bytes_total{door="http"} 10000000000000' in lines
    assert 'headwater_seal_seconds_bucket{door="http",le="0.005"} 1' in lines
    assert 'headwater_seal_seconds_bucket{door="http",le="+Inf"} 2' in lines
    assert 'headwater_seal_seconds_count{door="http"} 2' in lines
    assert 'headwater_uploads_open{door="http"} 1' in lines
    assert "headwater_memory_bytes 1073741824" in lines
    assert 'headwater_lag{follower="catalog"} 3' in lines

"""What is counted, as Prometheus reads it (text exposition 0.0.4). Labels have few values: no sender, no feed."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter as Counts
from collections.abc import Callable, Mapping, Sequence

SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)
"""The upper bounds of latency buckets."""

Gauges = Callable[[], Mapping[tuple[str, ...], float] | float | None]


class Counter:
    """A number that only grows, by the values of its labels."""

    def __init__(self, name: str, meaning: str, labels: Sequence[str] = ()) -> None:
        self._name = name
        self._meaning = meaning
        self._labels = tuple(labels)
        self._values: Counts[tuple[str, ...]] = Counts()

    def add(self, *values: str, by: int = 1) -> None:
        """Adds to the count for these label values."""
        self._values[values] += by

    def value(self, *values: str) -> int:
        """The count for these label values."""
        return self._values[values]

    def lines(self) -> list[str]:
        """The exposition."""
        head = _head(self._name, self._meaning, "counter")
        return head + [f"{self._name}{_labels(self._labels, values)} {n}" for values, n in self._values.items()]


class Gauge:
    """A number that is asked for when somebody looks; one, or one by the values of its labels."""

    def __init__(self, name: str, meaning: str, read: Gauges, labels: Sequence[str] = ()) -> None:
        self._name = name
        self._meaning = meaning
        self._read = read
        self._labels = tuple(labels)

    def lines(self) -> list[str]:
        """The exposition; nothing for None."""
        read = self._read()
        values = {} if read is None else read if isinstance(read, Mapping) else {(): read}
        head = _head(self._name, self._meaning, "gauge")
        return head + [f"{self._name}{_labels(self._labels, labels)} {value:.15g}" for labels, value in values.items()]


class Histogram:
    """How long something took, in seconds, by the value of one label."""

    def __init__(self, name: str, meaning: str, label: str) -> None:
        self._name = name
        self._meaning = meaning
        self._label = label
        self._buckets: dict[str, list[int]] = {}
        self._sums: dict[str, float] = {}

    def observe(self, seconds: float, value: str) -> None:
        """One more."""
        if (buckets := self._buckets.get(value)) is None:
            buckets = self._buckets[value] = [0] * (len(SECONDS) + 1)
            self._sums[value] = 0.0
        buckets[bisect_left(SECONDS, seconds)] += 1
        self._sums[value] += seconds

    def lines(self) -> list[str]:
        """The exposition."""
        lines = _head(self._name, self._meaning, "histogram")
        for value, buckets in self._buckets.items():
            count = 0
            for bound, bucket in zip((*map(str, SECONDS), "+Inf"), buckets, strict=True):
                count += bucket
                lines.append(f"{self._name}_bucket{_labels((self._label, 'le'), (value, bound))} {count}")
            lines.append(f"{self._name}_sum{_labels((self._label,), (value,))} {self._sums[value]:.6f}")
            lines.append(f"{self._name}_count{_labels((self._label,), (value,))} {count}")
        return lines


class Metrics:
    """Everything that is measured. Doors count here; gauges are added by whoever knows the number."""

    def __init__(self) -> None:
        self.requests = Counter("headwater_http_requests_total", "HTTP requests answered.", ("method", "status"))
        self.landed = Counter("headwater_landed_total", "Deliveries landed.", ("door",))
        self.landed_bytes = Counter("headwater_landed_bytes_total", "Bytes of deliveries landed.", ("door",))
        self.repeated = Counter("headwater_repeated_total", "Tries that repeated a landed delivery.", ("door",))
        self.failed = Counter(
            "headwater_not_landed_total", "Tries that were held or refused, or could not end.", ("door", "reason")
        )
        self.seal_seconds = Histogram("headwater_seal_seconds", "From the last byte to durable and entered.", "door")
        self.uploads_open: Counts[str] = Counts()
        self._parts: list[Counter | Gauge | Histogram] = [
            self.requests,
            self.landed,
            self.landed_bytes,
            self.repeated,
            self.failed,
            self.seal_seconds,
        ]
        self.gauge(
            "headwater_uploads_open",
            "Uploads on their way.",
            lambda: {(door,): float(count) for door, count in self.uploads_open.items()},
            "door",
        )

    def gauge(self, name: str, meaning: str, read: Gauges, *labels: str) -> None:
        """Adds a number that is asked for at each reading."""
        self._parts.append(Gauge(name, meaning, read, labels))

    def text(self) -> str:
        """All of it."""
        return "".join(f"{line}\n" for part in self._parts for line in part.lines())


def _head(name: str, meaning: str, kind: str) -> list[str]:
    return [f"# HELP {name} {meaning}", f"# TYPE {name} {kind}"]


def _labels(names: Sequence[str], values: Sequence[str]) -> str:
    if not names:
        return ""
    return "{" + ",".join(f'{name}="{_escaped(value)}"' for name, value in zip(names, values, strict=True)) + "}"


def _escaped(value: str) -> str:
    return value.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")

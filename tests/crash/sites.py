"""Where a case lives: a home, and a zone in a directory or on the S3 double."""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import replace
from pathlib import Path
from threading import Event
from types import TracebackType
from typing import Self

from headwater.testing.s3_double import S3Double
from tests.crash.injector import Mode, Step
from tests.crash.nursery import Nursery
from tests.crash.state import Objects
from tests.crash.world import Diary, Life


class Site:
    """A folder with a home in it, and a nursery of its own: one case at a time."""

    config = "accept_volatile = true\n"

    def __init__(self, folder: Path) -> None:
        self._nursery = Nursery()
        self.folder = folder / "site"
        self.folder.mkdir()

    def __enter__(self) -> Self:
        self._nursery.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._nursery.__exit__(kind, error, trace)

    @property
    def books(self) -> Path:
        """The books of the home."""
        return self.folder / "home" / "books.sqlite3"

    @property
    def diary(self) -> Diary:
        """What the sender knows."""
        return Life(self.folder, "").diary

    @property
    def environ(self) -> dict[str, str]:
        """What a life finds in its environment."""
        return {}

    def live(
        self, scenario: str, step: Step | None = None, mode: Mode | None = None, *, killed_at: Event | None = None
    ) -> int:
        """Lives one life here; returns how it ended."""
        return self._nursery.run(Life(self.folder, scenario, step, mode, self.config, self.environ), killed_at)

    def steps(self) -> list[str]:
        """The lines that the lives here have noted."""
        return Life(self.folder, "").steps.read_text().splitlines()

    def last_words(self) -> str:
        """The end of the log of all lives here; the whole of it stands in the folder."""
        return f"{' · '.join((self.folder / 'log').read_text().splitlines()[-5:])} ({self.folder})"

    def clear(self) -> None:
        """Removes everything."""
        shutil.rmtree(self.folder)
        self.folder.mkdir()

    def take_over(self, other: Site) -> None:
        """Begins anew with a copy of what stands on another site, without its steps."""
        shutil.rmtree(self.folder)
        subprocess.run(["cp", "-a", other.folder, self.folder], check=True)  # hard links stay what they are
        Life(self.folder, "").steps.unlink(missing_ok=True)

    def objects(self) -> Objects:
        """What stands in the zone."""
        raise NotImplementedError


class DirectorySite(Site):
    """The zone is a folder in the home."""

    def objects(self) -> Objects:
        """What stands in the zone."""
        return Objects.of_directory(self.folder / "home" / "zone")


class BucketSite(Site):
    """The zone is a bucket of an S3 double of its own."""

    bucket = "landing"

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.double = S3Double(versioning=True)

    def __enter__(self) -> Self:
        self.double.__enter__()
        self.config = f'zone = "s3://{self.bucket}/zone"\n[s3]\nendpoint = "{self.double.endpoint}"\n'
        self.clear()
        return super().__enter__()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        super().__exit__(kind, error, trace)
        self.double.__exit__(kind, error, trace)

    @property
    def environ(self) -> dict[str, str]:
        """The credentials."""
        return {
            "AWS_ACCESS_KEY_ID": self.double.access_key,
            "AWS_SECRET_ACCESS_KEY": self.double.secret_key,
            "AWS_DEFAULT_REGION": self.double.region,
        }

    def clear(self) -> None:
        """Removes everything."""
        super().clear()
        self.double.account.buckets.pop(self.bucket, None)
        self.double.create_bucket(self.bucket)

    def take_over(self, other: Site) -> None:
        """Begins anew with a copy of what stands on another site; nobody is at work on either."""
        super().take_over(other)
        assert isinstance(other, BucketSite)
        held = other.double.account.buckets[other.bucket]
        self.double.account.buckets[self.bucket] = replace(
            held,
            versions={key: list(versions) for key, versions in held.versions.items()},
            keys=list(held.keys),
            uploads={id_: replace(upload, parts=dict(upload.parts)) for id_, upload in held.uploads.items()},
        )

    def objects(self) -> Objects:
        """What stands in the zone."""
        return Objects.of_bucket(self.double.objects(self.bucket), "zone/")

"""What is known of feeds: those that the configuration names, and those in which something landed before."""

from __future__ import annotations

from collections.abc import Sequence

from headwater.config_schema import Config
from headwater.gate.route import Manners
from headwater.ports.catalog import Catalog
from headwater.terms import FeedName

USUAL = Manners()


class FeedRegister:
    """Implements `gate.route.Feeds`; `refresh` asks the catalog for feeds that are new."""

    def __init__(self, config: Config, catalog: Catalog) -> None:
        self._catalog = catalog
        self._landed: set[FeedName] = set()
        self.declare(config)

    def declare(self, config: Config) -> None:
        """Takes the feeds that a configuration names in the place of those known so far."""
        self._declared = {
            FeedName(source, feed): contract
            for source, table in config.sources.items()
            for feed, contract in table.feeds.items()
        }

    async def refresh(self) -> None:
        """Takes note of feeds in which something landed."""
        self._landed = {summary.feed for summary in await self._catalog.feeds()}

    def declared(self, feed: FeedName) -> bool:
        """Whether the feed is known."""
        return feed in self._declared or feed in self._landed

    def known(self) -> Sequence[FeedName]:
        """Every feed that is known."""
        return sorted(self._landed | self._declared.keys())

    def manners(self, feed: FeedName) -> Manners:
        """How its names behave."""
        contract = self._declared.get(feed)
        if contract is None:
            return USUAL
        return Manners(contract.temp_names, contract.visible_for_seconds, contract.delete == "hide")

    def companions(self, feed: FeedName) -> Sequence[str]:
        """The patterns of the feed's contract."""
        contract = self._declared.get(feed)
        return contract.companions if contract else ()

    def all_declared(self) -> Sequence[FeedName]:
        """Every feed that the configuration names."""
        return list(self._declared)

from __future__ import annotations

import time

import pytest

from headwater.formats.recipes.recipes import recipes
from headwater.inspector.inspect import inspect
from headwater.inspector.job import Limits
from headwater.readers.engine import Engine
from headwater.readers.local import LocalFile

MANY = 12_000  # rows: more than are looked at before all are counted


def findings(path):
    """What becomes known of a file, step by step."""
    with Engine(folder=path.parent) as engine, LocalFile(path) as file:
        return list(inspect(file, path.name, limits=Limits(), clock=time.monotonic, engine=engine))


@pytest.mark.parametrize("last", ["1", "x"])
def test_recipes_are_those_of_their_own_finding(tmp_path, last):
    """Also where all values, once counted, say another thing of a column than the first ones did."""
    path = tmp_path / "a.csv"
    path.write_text("n,word\n" + "1,a\n" * MANY + f"{last},b\n")
    first, counted, proved = findings(path)
    assert first.recipes == recipes(first)
    assert counted.recipes == recipes(counted)
    assert (first.recipes == counted.recipes) == (last == "1")
    assert [each.code for each in proved.recipes] == [each.code for each in counted.recipes]
    assert [each.proved for each in proved.recipes] == [True] * 4 + [None]

from __future__ import annotations

import ast
import re
from pathlib import Path

import msgspec
import pytest

from headwater.errors import REASONS
from headwater.formats import finding
from headwater.formats.codes import CODES, DRIFT

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs/reference/findings.md").read_text()
ROOMS = ("formats", "readers", "inspector")
MAKERS = {"Problem", "note", "_problem", "_suspect", "Refused"}
STRUCTS = [
    each
    for each in vars(finding).values()
    if isinstance(each, type) and issubclass(each, msgspec.Struct) and each not in {msgspec.Struct, finding.Description}
]


def used() -> dict[str, str]:
    """Every code that stands as a word in a call that makes a problem, and where."""
    found = {}
    for room in ROOMS:
        for path in sorted((ROOT / "src/headwater" / room).glob("*.py")):
            for node in ast.walk(ast.parse(path.read_bytes())):
                if isinstance(node, ast.Call) and _name(node.func) in MAKERS:
                    said = [*node.args[:2], *(each.value for each in node.keywords if each.arg == "code")]
                    for each in said:
                        for text in ast.walk(each):
                            if isinstance(text, ast.Constant) and re.fullmatch(r"[a-z]+(_[a-z]+)*", str(text.value)):
                                found[str(text.value)] = f"{path.name}:{node.lineno}"
    return found


def _name(function: ast.expr) -> str:
    return function.id if isinstance(function, ast.Name) else getattr(function, "attr", "")


def test_every_code_is_known():
    """Whatever problem is named in the code has a meaning, an example and, where there is one, a word to the sender."""
    assert {code: where for code, where in used().items() if code not in CODES and code not in REASONS} == {}


def test_what_tells_of_drift_is_known():
    """The changes of a feed are codes too."""
    assert set(CODES) >= DRIFT


@pytest.mark.parametrize("code", CODES)
def test_every_code_is_documented(code):
    """Each stands in docs/reference/findings.md with its meaning, example and advice."""
    cells = (f"`{code}`", *(text.replace("|", "\\|") for text in CODES[code]))
    assert f"| {' | '.join(cells)} |" in PAGE


@pytest.mark.parametrize("kind", STRUCTS, ids=lambda kind: kind.__name__)
def test_every_field_is_documented(kind):
    """Each field of a finding stands in docs/reference/findings.md."""
    assert [field.name for field in msgspec.structs.fields(kind) if f"`{field.name}`" not in PAGE] == []


def test_sentences_are_for_people():
    """Meanings, examples and advice are whole sentences without exclamation marks."""
    for code, (meaning, example, advice) in CODES.items():
        for text in filter(None, (meaning, example, advice)):
            assert text[0].isupper() or text[0].isdigit(), code
            assert text[-1] in ".…?", code
            assert "!" not in text, code

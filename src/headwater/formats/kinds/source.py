"""Source code: programs, scripts and style sheets. The numbers that programs hold in long lists are no table."""

from __future__ import annotations

import re
from typing import Final

Found = tuple[str, float, str] | None
"""A kind, how sure it is, and why."""

PYTHON: Final = re.compile(
    r"(from \.*[\w.]+ import\b|import [\w.]+( as \w+)?(, ?[\w.]+( as \w+)?)*\s*(#.*)?$"
    r"|(async )?def \w+\(|class \w+\s*[(:]"
    r"|if __name__ ==|if TYPE_CHECKING:|@\w[\w.]*(\(|$))"
)
_SHELL: Final = re.compile(
    r"(set -[a-z]+|export \w+=|if \[+ .*|fi$|done$|esac$|echo |function \w+ ?\(?|\w+\(\) ?\{|source |for \w+ in |\. /)"
)
_C_SIGNS: Final = (
    r"#include\s*[<\"]|#define |#ifn?def |package [\w.]+;?$|import [\w.*]+;|using [\w.]+;|namespace [\w:.]+"
    r"|public (class|static|interface)|private |protected |func \w*\(|fn \w+|use [\w:]+|let (mut )?\w+|const \w+"
    r"|var \w+|function \w*\s*\(|return\b.*;|\}|\{|//|/\*|\* |.*\{$|pub |impl |struct |typedef |extern "
)
_C_WORDS: Final = re.compile(_C_SIGNS)
_C_LIKE: Final = re.compile(rf"{_C_SIGNS}|.*;$")
_JAVASCRIPT: Final = re.compile(r"\s*(const|let|var|function|import .* from|export|module\.exports)")
_SQL_WORDS: Final = re.compile(
    r"\s*(CREATE|INSERT|SELECT|DROP|ALTER|UPDATE|DELETE|BEGIN|COMMIT|SET|GRANT|USE)\b", re.IGNORECASE
)
_CSS: Final = re.compile(r"[.#@]?[\w.#:> ,*\[\]=\"-]+\{|[\w-]+\s*:[^;{]+;|\}|/\*")
_CSS_RULE: Final = re.compile(r"[\w-]+\s*:[^;{]+;\s*(/\*.*)?$")
_MACRO: Final = re.compile(r"#(include|define|undef|ifn?def|if|elif|else|endif|pragma)\b")
_PACKAGE: Final = re.compile(r"package [\w.:]+\s*(;|//.*)?$")
_PACKAGE_PARTS: Final = re.compile(
    r"(import|func|type|const|var|public|abstract|final|class|interface|using|use|our|my|sub)\b|@\w"
)
_OPENED: Final = re.compile(r"[\w.<>:*,\[\] ]+=\s*[\w.]*[\[({]\s*((//|#|/\*).*)?$")
_LISTING: Final = re.compile(r"from [\w.]+ import |\s+\(.*\),$")  # none of them is TOML
_VARIABLE: Final = re.compile(r"\s*(export )?(const|let|var) [\w$]+ = ")
_DECLARED: Final = re.compile(r"\s*(static|const|export|public|private|final|\w+_t|int|char|double|float) ")


def _marked(lines: list[str], full: list[str]) -> Found:
    """What no table has, however much of the file is lists of numbers."""
    if any(_PACKAGE.match(line) for line in full) and any(_PACKAGE_PARTS.match(line) for line in full):
        return "source", 0.96, "It names its package, and has the declarations of a program."
    opened = [line for line in full if _OPENED.match(line.strip())]
    if any(_VARIABLE.match(line) for line in opened):
        return "javascript", 0.96, "It declares long lists of values, as JavaScript does."
    if any(_DECLARED.match(line) for line in opened):
        return "source", 0.96, "It declares long lists of values, as programs do."
    if opened and (full[0].startswith('"""') or any(_LISTING.match(line) for line in full)):
        return "python", 0.96, "It assigns long lists of values, as Python does."
    macros = sum(_MACRO.match(line) is not None for line in lines)
    if macros >= 3 and macros >= len(lines) * 0.1:  # noqa: PLR2004  (fewer are chance)
        return "source", 0.9, "It has the macros of a program in C."
    return None


def _is_python(lines: list[str]) -> bool:
    python = [line for line in lines if PYTHON.match(line)]
    if not python or any(line.endswith(";") for line in python):
        return False
    imports = sum(line.startswith("from ") for line in python)
    return imports > 1 or lines[0].startswith('"""') or (len(python) > 1 and len(python) >= len(lines) * 0.03)


def source(lines: list[str]) -> Found:
    """What a program, a script or a style sheet is written in."""
    full = [line.rstrip() for line in lines if line.strip() and not line.lstrip().startswith("#")]
    if any(line.startswith("```") for line in full):
        return None
    if (marked := _marked(lines, full)) is not None:
        return marked
    if len(full) < 3:  # noqa: PLR2004  (fewer are chance)
        return None
    if _is_python(full):
        return "python", 0.88, "Its lines are those of Python."
    shell = sum(_SHELL.match(line.strip()) is not None for line in full)
    if shell >= 3 and shell >= len(full) * 0.4:  # noqa: PLR2004  (fewer are chance)
        return "shell", 0.8, "Its lines are those of a shell script."
    bare = [line.strip() for line in full]  # no pattern may go over the same blanks twice
    return _styled(bare) or _c_like(bare)


def _styled(full: list[str]) -> Found:
    css = sum(_CSS.match(line) is not None for line in full)
    rules = sum(_CSS_RULE.match(line) is not None for line in full)
    if css >= len(full) * 0.9 and rules >= 2 and any(line.rstrip().endswith("{") for line in full):  # noqa: PLR2004
        return "css", 0.85, "Its lines are those of a style sheet."
    return None


def _c_like(full: list[str]) -> Found:
    if sum(_SQL_WORDS.match(line) is not None for line in full) > len(full) * 0.2:
        return None
    c_like = [line for line in full if _C_LIKE.match(line)]
    if sum(_C_WORDS.match(line) is not None for line in c_like) < max(2, len(full) * 0.1):
        return None  # lines that end in a semicolon are a table's too
    if len(c_like) >= len(full) * 0.6 and sum(line.endswith((";", "{", "}")) for line in full) >= len(full) * 0.3:
        script = sum(_JAVASCRIPT.match(line) is not None for line in full)
        if script >= 2 and not any(line.startswith(("#include", "package ", "use ")) for line in full):  # noqa: PLR2004
            return "javascript", 0.85, "Its lines are those of JavaScript."
        return "source", 0.85, "Its lines are those of a program's source."
    return None

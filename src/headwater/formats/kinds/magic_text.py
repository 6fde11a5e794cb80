"""Text of kinds that are recognised and no more: EDI, mail, settings, logs, scripts, pages. Low confidence where any
text could look so; what has a mark of its own is sure.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Final

from headwater.formats.finding import Guess
from headwater.formats.format import Ends
from headwater.formats.kinds.kind_names import spoken_kind
from headwater.formats.kinds.prose import is_prose, markdown, restructured
from headwater.formats.kinds.source import PYTHON, Found, source

_LOOK_BYTES: Final = 16 * 1024
_LINES_MAX: Final = 200
_PLAIN: Final = 0.6  # what is surer than this is no mere prose, though it may have sentences in it
_BOMS: Final = (
    (b"\xef\xbb\xbf", "utf-8-sig"),
    (b"\xff\xfe\x00\x00", "utf-32"),
    (b"\x00\x00\xfe\xff", "utf-32"),
    (b"\xff\xfe", "utf-16"),
    (b"\xfe\xff", "utf-16"),
)

_CONTROLS: Final = bytes({*range(1, 27)} - {9, 10, 11, 12, 13})
_BEFORE_HTML: Final = r"(\s|<\?xml[^>]*>|<!--(?s:(?!-->).)*-->)*"


def read_as_text(ends: Ends) -> Iterator[Guess]:
    """What this text is. Never raises."""
    text = _text(ends.head[:_LOOK_BYTES])
    if not text or not text.strip():
        return
    is_all = ends.size_bytes is not None and ends.size_bytes <= _LOOK_BYTES
    lines = text.splitlines()
    if not is_all and len(lines) > 1:
        lines.pop()  # it may be cut
    lines = lines[:_LINES_MAX]
    found = [
        (name, confidence, f"It begins as {spoken_kind(name)} does.")
        for name, confidence, pattern in _BEGINNINGS
        if pattern.match(text)
    ]
    found += [told for look in _LOOKS if (told := look(lines)) is not None]
    if all(confidence < _PLAIN for _, confidence, _ in found) and is_prose(lines):
        found.append(("text", 0.945, "Its lines are sentences that people wrote."))
    for name, confidence, why in found:
        yield Guess(name, confidence, (why,))


def _text(head: bytes) -> str:
    """The beginning as text; "" for what is none."""
    for bom, codec in _BOMS:
        if head.startswith(bom):
            return head[: len(head) // 4 * 4].decode(codec, "replace").lstrip("\ufeff")
    if b"\x00" in head:
        codec = "utf-16-le" if head[1:2] == b"\x00" else "utf-16-be"
        if head.count(b"\x00") < len(head) * 0.3 or len(head) < 4:  # noqa: PLR2004  (two characters)
            return ""
        return head[: len(head) // 2 * 2].decode(codec, "replace")
    controls = len(head) - len(head.translate(None, _CONTROLS))
    return "" if controls > len(head) // 100 else head.decode("utf-8", "replace")


_BEGINNINGS: Final = tuple(
    (name, confidence, re.compile(pattern, re.IGNORECASE))
    for name, confidence, pattern in (
        ("x12", 1.0, r"ISA([^A-Za-z0-9\s]).{2}\1.{10}\1"),
        ("edifact", 1.0, r"UNA.{6}\s*UN[BHG]|UNB\+UNO[A-Z]"),
        ("hl7", 1.0, r"[\x0b]?(MSH|FHS|BHS)\|\^~\\"),
        ("swift", 1.0, r"[\x01]?\{1:[A-Z]\d{2}[A-Z0-9]{12}|\s*:20:[^\r\n]+\r?\n:25:"),
        ("pgp_armor", 1.0, r"\s*-----BEGIN PGP (MESSAGE|SIGNED|SIGNATURE|PUBLIC|PRIVATE)"),
        (
            "pem",
            0.97,
            (
                r"([^\n]*\n){0,40}?"
                r"-----BEGIN [A-Z0-9 ]{0,40}(CERTIFICATE|KEY|PKCS7|CMS|PARAMETERS|CRL|REQUEST)[A-Z ]{0,40}-----"
            ),
        ),
        ("ssh_key", 1.0, r"(ssh-(rsa|dss|ed25519)|ecdsa-sha2-nistp\d+) AAAA"),
        ("ics", 1.0, r"BEGIN:VCALENDAR"),
        ("vcf", 1.0, r"BEGIN:VCARD"),
        ("html", 0.995, rf"{_BEFORE_HTML}<!doctype\s+html(?!\s+PUBLIC\s+.-//W3C//DTD XHTML)"),
        ("html", 0.995, rf"{_BEFORE_HTML}<(html|head|body)[\s>](?![^>]*xmlns=.http://www\.w3\.org/1999/xhtml)"),
        ("html", 0.6, r"\s*<(table|div|p|script|style|meta|title|h1|ul|span|font|center)[\s>]"),
        ("mbox", 0.98, r"From \S+@?\S* +(Mon|Tue|Wed|Thu|Fri|Sat|Sun) "),
        ("python", 1.0, r"#!\s*/\S*(python|pypy)|#!\s*/usr/bin/env\s+(-S\s+)?python"),
        ("shell", 1.0, r"#!\s*/\S*/(ba|da|k|z|)sh\b|#!\s*/usr/bin/env\s+(ba|da|k|z|)sh\b"),
        ("script", 0.95, r"#!\s*/\S+"),
        ("diff", 0.97, r"diff --git a/|--- \S+.*\n\+\+\+ \S+.*\n@@ |From [0-9a-f]{40} Mon Sep 17 00:00:00 2001"),
        ("latex", 0.97, r"(%[^\n]*\n|\s)*\\(documentclass|documentstyle|begin\{document\})"),
        (
            "metrics",
            0.98,
            r"# (HELP [\w:]+ [^\n]*\n# )?(TYPE [\w:]+ (counter|gauge|histogram|summary|untyped|unknown)\b)",
        ),
        ("ldif", 0.97, r"(version:\s*1\s+)?(#[^\n]*\n|\s)*dn::? \S+="),
        ("source", 0.98, r"<\?php"),
        (
            "javascript",
            0.9,
            (
                r"\s*(['\"]use strict['\"]|[!;(]+function\b[^(\n]{0,60}\([^)\n]*\)\s*\{|(var|let|const)\s+[\w$]+\s*="
                r"|(window|module|exports|globalThis)\.[\w.]+\s*=|import\s[^\n;]*\sfrom\s+['\"]"
                r"|export\s+(default|const|function|class|\{))"
            ),
        ),
    )
)

_MAIL: Final = re.compile(
    r"(received|return-path|from|to|subject|date|message-id|mime-version|delivered-to|x-[\w-]+|content-type"
    r"|dkim-signature|reply-to|cc|bcc|sender|authentication-results|arc-[\w-]+|list-[\w-]+|content-[\w-]+):",
    re.IGNORECASE,
)
_MAIL_SURE: Final = frozenset({"from", "to", "subject", "date", "message-id", "received"})
_SECTION: Final = re.compile(r"\[\[?[A-Za-z0-9_.:/\\\"' @-]+\]\]?\s*([#;].*)?$")
_SETTING: Final = re.compile(r"""\s*["']?[A-Za-z_][\w .\\/"'-]{0,80}?\s*(=|:(\s|$))""")
_TOML_VALUE: Final = re.compile(
    r"""\s*["']?[A-Za-z0-9_.-]+["']?\s*=\s*(["'\[{]|true\b|false\b|[+-]?\d[\d_.:TZ+e-]*\s*(\#.*)?$)"""
)
_YAML_LINE: Final = re.compile(
    r"\s*(#.*|---.*|\.\.\.|- .*|-|[\w.\"'/*@$<>{}()\[\]-][\w .\"'/*@$<>{}()\[\],-]*:(\s.*)?|%YAML.*)$"
)
_YAML_KEY: Final = re.compile(r"\s*(- )?[\w.\"'/-]+:(\s|$)")
_STAMP: Final = re.compile(
    r"""([a-z][\w-]*\ )?\[?(\d{4}[-/]\d\d[-/]\d\d[T ]\d\d:\d\d:\d\d            # 2026-11-30 11:22:33
    | (Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)\ [ \d]\d\ \d\d:\d\d:\d\d
    | (Mon|Tue|Wed|Thu|Fri|Sat|Sun)\ (Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)\ [ \d]\d
    | \d{2}/\w{3}/\d{4}:\d\d:\d\d:\d\d | \d{2}[-/.]\d{2}[-/.]\d{2,4}\ \d\d:\d\d:\d\d | <\d{1,3}>)""",
    re.VERBOSE,
)
_KNOWN_LOG: Final = re.compile(
    r"""\S+\ \S+\ \S+\ \[\d{2}/\w{3}/\d{4}:\d\d:\d\d:\d\d\ [+-]\d{4}\]\ "   # a web server's
    | \w{3}\ [ \d]\d\ \d\d:\d\d:\d\d\ \S+\ [\w./()-]+(\[\d+\])?:              # syslog
    | <\d{1,3}>1\ \d{4}-""",
    re.VERBOSE,
)
_LEVEL: Final = re.compile(r"\b(TRACE|DEBUG|INFO|NOTICE|WARN(ING)?|ERROR|CRITICAL|FATAL)\b", re.IGNORECASE)
_FASTA: Final = re.compile(r"[ACGTUNRYKMSWBDHV*-]+$|[A-Z*-]{20,}$", re.IGNORECASE)


def _mail(lines: list[str]) -> Found:
    names: set[str] = set()
    for line in lines:
        if not line.strip():
            break
        if line[:1] in " \t":
            continue
        match = _MAIL.match(line)
        if match is None:
            if re.match(r"[\w-]+:", line):
                continue
            return None
        names.add(match.group(1).lower())
    if len(names & _MAIL_SURE) >= 2 and len(names) >= 3:  # noqa: PLR2004  (one alone is any text)
        return "eml", 0.96, "It begins with the header lines of a mail."
    return None


def _settings(lines: list[str]) -> Found:  # noqa: PLR0911  (sign after sign)
    """INI and TOML: sections in brackets, with settings under them."""
    plain = [line.strip() for line in lines if line.strip() and line.lstrip()[:1] not in {"#", ";"}]
    if not plain:
        return None
    sections = sum(_SECTION.match(line) is not None for line in plain)
    settings = sum(_SETTING.match(line) is not None for line in plain)
    typed = sum(_TOML_VALUE.match(line) is not None for line in plain)
    rest = len(plain) - sections - settings
    if not sections:
        if typed >= 3 and typed == len(plain):  # noqa: PLR2004  (fewer are chance)
            return "toml", 0.75, "Every line is a setting as TOML writes them."
        pairs = sum(re.match(r"[\w.-]+\s*=\s*\S", line) is not None for line in plain)
        if pairs >= 3 and pairs == len(plain):  # noqa: PLR2004  (fewer are chance)
            return "properties", 0.75, "Every line is a setting."
        return None
    if settings < 1 or rest > len(plain) * 0.4:
        return None
    if typed >= settings * 0.9 and typed and any(re.search(r"=\s*[\"'\[{]|=\s*(true|false)$", line) for line in plain):
        return "toml", 0.9, "It has sections and typed settings, as TOML writes them."
    return "ini", 0.9 if rest == 0 else 0.75, "It has sections in brackets and settings under them."


def _yaml(lines: list[str]) -> Found:
    full = [line for line in lines if line.strip()]
    if any(PYTHON.match(line) or line.startswith("<!--") for line in full):
        return None
    keys = sum(_YAML_KEY.match(line) is not None for line in full)
    if len(full) < 2 or keys < 2 or full[0][:1] in " \t{[":  # noqa: PLR2004  (one line is any text)
        return None
    fits = sum(_YAML_LINE.match(line) is not None for line in full)
    deeper = sum(line[:1] == " " for line in full)
    is_marked = full[0].rstrip() == "---" or full[0].startswith("%YAML")
    if fits + deeper < len(full) and not is_marked:
        return None
    if is_marked and keys:
        return "yaml", 0.92, "It begins with the mark of YAML, and has keys with values."
    if not any(re.match(r"\s*(- )?[\w.\"'/-]+:\s*$|\s+- |- ", line) for line in full):
        return "yaml", 0.55, "Its lines are keys with values."
    return "yaml", 0.85, "Its lines are keys with values and lists, indented."


def _log(lines: list[str]) -> Found:
    full = [line for line in lines if line.strip()]
    if len(full) < 3:  # noqa: PLR2004  (fewer are chance)
        return None
    known = sum(_KNOWN_LOG.match(line) is not None for line in full)
    if known >= len(full) * 0.8:
        return "log", 0.95, "Its lines are those of a server's log."
    stamped = [line for line in full if _STAMP.match(line)]
    levels = sum(_LEVEL.search(line[:80]) is not None for line in full)
    if len(stamped) >= len(full) * 0.7:
        is_table = any(
            len({line.count(delimiter) for line in stamped}) == 1 and delimiter in stamped[0] for delimiter in ";\t|,"
        )
        if levels >= len(full) * 0.5:
            return "log", 0.75 if is_table else 0.93, "Its lines begin with a time and say how grave they are."
        if not is_table and len({line.count(" ") for line in stamped}) > 1:
            return "log", 0.85, "Its lines begin with a time."
    if (
        levels >= len(full) * 0.8
        and sum(_LEVEL.match(line.lstrip("[<")) is not None for line in full) > len(full) * 0.8
    ):
        return "log", 0.8, "Its lines begin with how grave they are."
    return None


def _sequences(lines: list[str]) -> Found:
    full = [line.strip() for line in lines if line.strip()]
    if len(full) < 2 or full[0][:1] != ">":  # noqa: PLR2004  (a name and a sequence)
        return None
    if all(line.startswith(">") or _FASTA.match(line) for line in full):
        return "fasta", 0.95, "It has names and sequences as FASTA writes them."
    return None


_LOOKS: Final[tuple[Callable[[list[str]], Found], ...]] = (
    _mail,
    _settings,
    _yaml,
    _log,
    source,
    markdown,
    restructured,
    _sequences,
)

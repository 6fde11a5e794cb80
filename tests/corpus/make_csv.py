"""Writes the files of the dialect corpus and their labels: `python -m tests.corpus.make_csv [tune|aside]`.

`cases/<part>/*.txt` hold the designs; what comes out lies in `csv/<part>/`. The same designs give the same bytes.
A label says what a person decides, as lists of answers that are all right; null: any answer is.
"""

from __future__ import annotations

import codecs
import csv
import io
import re
import sys
from collections import Counter
from dataclasses import dataclass, field
from itertools import cycle
from pathlib import Path

import msgspec

from tests.corpus.fill import Filler, Pools

HERE = Path(__file__).parent
PARTS = ("tune", "aside")
CODECS = """
ascii utf-8 utf-8-sig utf-16 utf-16-le utf-16-be utf-32 utf-32-le utf-32-be cp1250 cp1251 cp1252 cp1253 cp1254
cp1255 cp1256 cp1257 cp1258 latin-1 iso8859-2 iso8859-3 iso8859-4 iso8859-5 iso8859-6 iso8859-7 iso8859-8
iso8859-9 iso8859-10 iso8859-13 iso8859-14 iso8859-15 iso8859-16 koi8-r koi8-u mac_roman mac_latin2
mac_cyrillic mac_greek mac_turkish cp437 cp850 cp852 cp855 cp858 cp866 shift_jis cp932 shift_jis_2004
shift_jisx0213 euc_jp euc_jis_2004 euc_jisx0213 iso2022_jp gb2312 gbk gb18030 hz big5 big5hkscs cp950 euc_kr
cp949 johab tis-620 iso8859-11 cp874 kz1048 ptcp154
"""
NAMED = {"tab": "\t", "space": " ", "\\x01": "\x01", "\\x1f": "\x1f", "none": "", "double": "", "backslash": "\\"}
LINE_ENDS = {"lf": ["\n"], "crlf": ["\r\n"], "cr": ["\r"], "mixed": ["\r\n", "\n", "\n", "\r\n", "\n"]}
BOMS = {
    "utf-8": codecs.BOM_UTF8,
    "utf-16-le": codecs.BOM_UTF16_LE,
    "utf-16-be": codecs.BOM_UTF16_BE,
    "utf-32-le": codecs.BOM_UTF32_LE,
    "utf-32-be": codecs.BOM_UTF32_BE,
}
FIELDS = ("delimiter", "quote", "encoding", "skip_lines", "header_rows", "columns", "rows", "footer_rows")


class Label(msgspec.Struct):
    """What a person says of a file: for each question the answers that are right, None where every answer is."""

    file: str
    format: list[str]
    delimiter: list[str] | None
    quote: list[str] | None
    escape: list[str] | None
    encoding: list[str]
    skip_lines: list[int]
    header_rows: list[int]
    columns: list[int]
    rows: list[int]
    footer_rows: list[int]
    decidable: dict[str, bool]


@dataclass
class Design:
    """A case as it stands in its text file."""

    name: str
    options: dict[str, str] = field(default_factory=dict)
    sections: list[tuple[str, int, list[str]]] = field(default_factory=list)  # kind, times, templates

    def says(self, option: str, unless: str = "") -> str:
        """What an option is set to."""
        return self.options.get(option, unless)


def designs(part: str) -> tuple[list[Design], Pools]:
    """All designs of a part, in order, and the pools of words that they draw from."""
    pools: Pools = {}
    made: list[Design] = []
    for path in sorted((HERE / "cases" / part).glob("*.txt")):
        for line in path.read_text(encoding="utf-8").split("\n"):
            if line.startswith("pool "):
                name, _, words = line[5:].partition(" = ")
                pools[name] = words.split("¦")
            elif found := re.fullmatch(r"=== (\w+)", line):
                made.append(Design(found[1]))
            elif found := re.fullmatch(r"--- (pre|head|data|foot)(?: x(\d+))?", line):
                made[-1].sections.append((found[1], int(found[2] or 1), []))
            elif not made[-1].sections:
                made[-1].options |= dict(word.partition("=")[::2] for word in line.split())
            else:
                made[-1].sections[-1][2].append(line)
        made[-1].sections[-1][2].pop()  # what stands behind the last line end of the file
    return made, pools


def codecs_of(data: bytes, text: str) -> list[str]:
    """The names of all codecs that read these bytes as this text."""
    found = set()
    for codec in CODECS.split():
        try:
            same = data.decode(codec) == text
        except UnicodeError:
            continue
        found |= {codecs.lookup(codec).name} if same else set()
    return sorted(found)


class Made:
    """A design with its templates filled: bytes, and their label."""

    def __init__(self, design: Design, pools: Pools) -> None:
        self.design = design
        self.lines: dict[str, list[str]] = {kind: [] for kind in ("pre", "head", "data", "foot")}
        filler = Filler(design.name, pools)
        for kind, times, templates in design.sections:
            filler.restart()
            self.lines[kind] += filler.lines(templates, times)
        self.codec = design.says("enc", "utf-8")
        self.delimiter = self._one("d")
        self.quote = self._one("q")
        if self.quote == "any" or "," in self.quote:
            self.quote = ""

    def _one(self, option: str) -> str:
        told = self.design.says(option, "any").split(",")[0] or ","
        return NAMED.get(told, told)

    @property
    def text(self) -> str:
        """All lines with their ends."""
        ends = cycle(LINE_ENDS[self.design.says("eol", "lf")])
        text = "".join(line + next(ends) for lines in self.lines.values() for line in lines)
        return text.rstrip("\r\n") if "nofinal" in self.design.options else text

    @property
    def data(self) -> bytes:
        """The file."""
        before, bad, after = self.text.partition("[[bad]]")
        whole = before.encode(self.codec) + (b"\xe9" if bad else b"") + after.encode(self.codec)
        return (BOMS[self.codec] if "bom" in self.design.options else b"") + whole

    def parsed(self, quote: str) -> list[list[str]]:
        """The rows of the data as the label's dialect gives them."""
        lines = [line for line in self.lines["data"] if not self._is_comment(line)]
        if len(self.delimiter) != 1:
            return [line.split(self.delimiter) for line in lines if line.strip()]
        reader = csv.reader(
            io.StringIO("\n".join(lines), newline=""),
            delimiter=self.delimiter,
            quotechar=quote or None,
            quoting=csv.QUOTE_MINIMAL if quote else csv.QUOTE_NONE,
            doublequote=self.design.says("esc") != "backslash",
            escapechar="\\" if self.design.says("esc") == "backslash" else None,
            skipinitialspace="pads" in self.design.options,
        )
        return [row for row in reader if any(cell.strip() for cell in row)]

    def _is_comment(self, line: str) -> bool:
        comment = self.design.says("comment")
        return bool(comment) and line.startswith(comment)

    def quotes(self) -> list[str]:
        """All quotes that give the same rows: where no text is quoted, most do."""
        if self.design.says("q", "any") not in {"any", "none,any"}:
            return [self.quote]
        truth = self.parsed("")
        return ["", *(quote for quote in "\"'`" if self.parsed(quote) == truth)]

    def encodings(self) -> list[str]:
        """All codecs that read the same text."""
        right = {codecs.lookup(self.codec).name}
        if "bom" in self.design.options:
            return sorted(right | {"utf-8-sig" if self.codec == "utf-8" else self.codec[:6]})
        return sorted(right | set(codecs_of(self.data, self.text)))

    def label(self) -> Label:
        """What a person would say."""
        pre, foot = self.lines["pre"], self.lines["foot"]
        blank = next((n for n, line in enumerate(reversed(pre)) if line.strip()), len(pre))
        skips = set(range(len(pre) - blank, len(pre) + 1))
        if pre and all(re.match(r"[#%!;]|//|\s*$", line) for line in pre):
            skips.add(0)
        rows = self.parsed(self.quote)
        answers = {
            "skip_lines": skips,
            "header_rows": {len(self.lines["head"])},
            "columns": {int(self.design.says("cols"))},
            "rows": {len(rows)},
            "footer_rows": {len(foot), len([line for line in foot if line.strip()])},
        }
        for name, value in answers.items():
            if told := self.design.says(name):
                value.clear()
                value.update(map(int, told.split(",")))
            if told := self.design.says(f"or.{name}"):
                value.update(map(int, told.split(",")))
        unsure = self.design.says("unsure").split(",")
        any_delimiter = self.delimiter == "any" or self.design.says("or.d") == "any"
        in_columns = self.delimiter == " " and len(set(map(len, self.lines["data"]))) == 1
        return Label(
            file=f"{self.design.name}.csv",
            format=self.design.says("format", "csv,fixed_width" if in_columns else "csv").split(","),
            delimiter=None if any_delimiter else [self.delimiter, *([""] if in_columns else [])],
            quote=self.quotes(),
            escape=[self._one("esc")] if self.design.says("esc") else None,
            encoding=self.encodings(),
            decidable={name: name not in unsure for name in FIELDS},
            **{name: sorted(value) for name, value in answers.items()},
        )

    def doubt(self) -> str:
        """Why the label may be wrong: most rows should have as many fields as it says."""
        if self.delimiter == "any":
            return ""
        ((count, _),) = Counter(map(len, self.parsed(self.quote))).most_common(1) or ((0, 0),)
        label = self.label()
        return "" if not label.rows[0] or count in label.columns else f"{count} fields, labelled {label.columns}"


def main() -> None:
    """Writes the parts that were asked for, all unless told."""
    for part in sys.argv[1:] or PARTS:
        folder = HERE / "csv" / part
        folder.mkdir(parents=True, exist_ok=True)
        for old in folder.glob("*.csv"):
            old.unlink()
        made = [Made(design, pools) for found, pools in [designs(part)] for design in found]
        for each in made:
            (folder / f"{each.design.name}.csv").write_bytes(each.data)
            if doubt := each.doubt():
                print(f"{part}/{each.design.name}: {doubt}")  # noqa: T201  (for whoever designs a case)
        lines = [msgspec.json.encode(each.label()) for each in made]
        (folder / "labels.jsonl").write_bytes(b"\n".join(lines) + b"\n")


if __name__ == "__main__":
    main()

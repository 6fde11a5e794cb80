"""Text formats, in the variety that people and programs write them."""

# ruff: noqa: E501  (lines that other programs write stand whole)

from __future__ import annotations

import difflib
import io
import json
import sqlite3
from collections.abc import Callable
from xml.sax.saxutils import escape, quoteattr

from tests.corpus.detection.words import Chance

Make = Callable[[Chance], bytes]
ENCODINGS = ("utf-8", "utf-8", "utf-8", "utf-8-sig", "cp1252", "utf-16")


def encoded(chance: Chance, text: str) -> bytes:
    """In UTF-8 mostly."""
    return text.encode(chance.choice(ENCODINGS), "replace")


def csv_text(chance: Chance) -> bytes:
    """Orders, in any delimiter, with header or without."""
    delimiter = chance.choice([",", ",", ";", "\t", "|"])
    end = chance.choice(["\n", "\r\n"])
    quotes = chance.random() < 0.3
    head = [[*chance.record()]] if chance.random() < 0.8 else []
    rows = head + [[str(each) for each in chance.record().values()] for _ in range(chance.randrange(4, 150))]

    def cell(text: str) -> str:
        needed = quotes or delimiter in text or '"' in text
        return f'"{text.replace(chr(34), chr(34) * 2)}"' if needed else text

    return encoded(chance, "".join(delimiter.join(map(cell, row)) + end for row in rows))


def fixed_width(chance: Chance) -> bytes:
    """Columns that stand under each other."""
    wide = chance.randrange(9, 16)
    sign = chance.random() < 0.5
    lines = [
        f"{chance.randrange(10**7):08d}{chance.name:<{wide}}{chance.town:<{wide}}"
        f"{chance.uniform(1, 9000):>10.2f}{chance.at('%Y%m%d')}{chance.choice('AB') if sign else ''}"
        for _ in range(chance.randrange(12, 90))
    ]
    return ("\n".join(lines) + "\n").encode(chance.choice(["utf-8", "latin-1"]), "replace")


def prose(chance: Chance) -> bytes:
    """Paragraphs, wrapped or not."""
    paragraphs = [chance.prose(chance.randrange(3, 8)) for _ in range(chance.randrange(2, 9))]
    if chance.random() < 0.5:
        paragraphs = [each.replace(", ", ",\n").replace(". ", ".\n") for each in paragraphs]
    return encoded(chance, "\n\n".join(paragraphs) + "\n")


def json_text(chance: Chance) -> bytes:
    """A document, an array of records, or records wrapped in a document."""
    records = [
        chance.record() | {"tags": ["a", "b"], "at": {"lat": chance.random()}} for _ in range(chance.randrange(1, 60))
    ]
    value: object = chance.choice(
        [records, {"data": records, "next": None}, records[0], {"meta": {}, "list": [1, 2.5]}]
    )
    text = json.dumps(value, indent=chance.choice([None, None, 2, 4]), ensure_ascii=chance.random() < 0.5)
    return text.encode(chance.choice(["utf-8", "utf-8", "utf-8-sig"])) + chance.choice([b"", b"\n"])


def ndjson(chance: Chance) -> bytes:
    """A record a line."""
    joint = chance.choice([(",", ":"), (", ", ": ")])
    lines = [json.dumps(chance.record(), separators=joint, ensure_ascii=False) for _ in range(chance.randrange(3, 90))]
    return ("\n".join(lines) + chance.choice(["", "\n"])).encode()


def xml_text(chance: Chance) -> bytes:
    """Rows, feeds and documents, with a declaration or without."""
    rows = "".join(
        f"<{chance.choice(['row', 'row'])} id={quoteattr(str(each['id']))}><name>{escape(str(each['name']))}</name>"
        f"<amount>{each['amount']}</amount></row>{chance.choice(['', chr(10)])}"
        for each in (chance.record() for _ in range(chance.randrange(1, 40)))
    )
    codec = chance.choice(["utf-8", "utf-8", "utf-16", "iso-8859-1"])
    declared = f'<?xml version="1.0" encoding="{codec}"?>\n' if codec != "utf-8" or chance.random() < 0.7 else ""
    root = chance.choice(["rows", "feed", "soap:Envelope", "svg", "kml", "Document", "data"])
    space = {"svg": "http://www.w3.org/2000/svg", "soap:Envelope": "", "kml": "http://www.opengis.net/kml/2.2"}.get(
        root, "urn:x"
    )
    name = ' xmlns:soap="http://schemas.xmlsoap.org/soap/envelope/"' if root.startswith("soap") else f' xmlns="{space}"'
    remark = chance.choice(["", "", "<!-- made by night run -->\n"])
    return f"{declared}{remark}<{root}{name}>\n{rows}</{root}>\n".encode(codec, "xmlcharrefreplace")


def html(chance: Chance) -> bytes:
    """Pages."""
    head = chance.choice(["<!DOCTYPE html>\n<html>", "<html lang='en'>", "<!doctype HTML>\n<HTML>", "\n<html>\n"])
    cells = "".join(f"<tr><td>{chance.name}</td><td>{chance.town}</td></tr>\n" for _ in range(chance.randrange(9)))
    return encoded(
        chance,
        f"{head}<head><title>{chance.thing}</title></head>\n<body><p>{chance.prose(3)}<br><table>{cells}</table></body></html>",
    )


def sql_dump(chance: Chance) -> bytes:
    """As pg_dump, mysqldump, SQLite and two scripts for people write it."""
    return chance.choice([pg_dump, mysqldump, sqlite_dump, _tsql, _oracle, _plain_sql])(chance)


def pg_dump(chance: Chance) -> bytes:
    """As pg_dump writes it, plain."""
    rows = "".join(
        f"{chance.randrange(999)}\t{chance.name}\t{chance.choice(['', chr(92) + 'N', '1.5'])}\n" for _ in range(30)
    )
    head = "--\n-- PostgreSQL database dump\n--\n\n-- Dumped from database version 16.2\n-- Dumped by pg_dump version 16.2\n\n"
    body = "SET statement_timeout = 0;\nSET client_encoding = 'UTF8';\n\nCREATE TABLE public.orders (\n    id integer NOT NULL,\n"
    copy = f"    name text,\n    x numeric\n);\n\n\nCOPY public.orders (id, name, x) FROM stdin;\n{rows}\\.\n\n\n"
    return f"{head}{body}{copy}--\n-- PostgreSQL database dump complete\n--\n\n".encode()


def mysqldump(chance: Chance) -> bytes:
    """As mysqldump or mariadb-dump writes it."""
    rows = ",".join(f"({chance.randrange(999)},'{chance.thing}',NULL)" for _ in range(40))
    head = chance.choice(
        [
            "-- MySQL dump 10.13  Distrib 8.0.36, for Linux (x86_64)\n",
            "/*M!999999\\- enable the sandbox mode */ \n-- MariaDB dump 10.19\n",
        ]
    )
    body = "--\n-- Host: localhost    Database: shop\n\n/*!40101 SET NAMES utf8mb4 */;\nDROP TABLE IF EXISTS `t`;\n"
    table = f"CREATE TABLE `t` (\n  `id` int NOT NULL,\n  `a` text\n) ENGINE=InnoDB;\nLOCK TABLES `t` WRITE;\nINSERT INTO `t` VALUES {rows};\n"
    return f"{head}{body}{table}UNLOCK TABLES;\n-- Dump completed on 2024-05-01 10:00:00\n".encode()


def sqlite_dump(chance: Chance) -> bytes:
    """By sqlite3."""
    connection = sqlite3.connect(":memory:")
    connection.execute("CREATE TABLE t (id INTEGER, name TEXT)")
    connection.executemany("INSERT INTO t VALUES (?, ?)", [(n, chance.name) for n in range(chance.randrange(1, 30))])
    text = "PRAGMA foreign_keys=OFF;\n" + "\n".join(connection.iterdump()) + "\n"
    connection.close()
    return text.encode()


def _tsql(chance: Chance) -> bytes:
    rows = "".join(
        f"INSERT [dbo].[Orders] ([Id], [Name]) VALUES ({chance.randrange(99)}, N'{chance.thing}')\r\nGO\r\n"
        for _ in range(20)
    )
    head = "USE [Shop]\r\nGO\r\nSET ANSI_NULLS ON\r\nGO\r\nCREATE TABLE [dbo].[Orders](\r\n\t[Id] [int] NOT NULL,\r\n\t[Name] [nvarchar](50)\r\n)\r\nGO\r\n"
    return (head + rows).encode(chance.choice(["utf-8", "utf-16"]))


def _oracle(chance: Chance) -> bytes:
    rows = "".join(
        f"Insert into SHOP.ORDERS (ID,NAME,AT) values ({chance.randrange(99)},'{chance.thing}',to_date('01-MAY-24','DD-MON-RR'));\n"
        for _ in range(20)
    )
    return f"REM INSERTING into SHOP.ORDERS\nSET DEFINE OFF;\n{rows}".encode()


def _plain_sql(chance: Chance) -> bytes:
    rows = "".join(
        f"INSERT INTO {chance.thing} VALUES ({chance.randrange(99)}, '{chance.name.replace(chr(39), '')}');\n"
        for _ in range(15)
    )
    return f"CREATE TABLE x (id INT, name VARCHAR(20));\n{rows}COMMIT;\n".encode()


def edifact(chance: Chance) -> bytes:
    """With the advice of its marks or without, in lines or not."""
    joint = chance.choice(["", "\n", "\r\n"])
    lines = [
        *chance.choice([["UNA:+.? '"], []]),
        f"UNB+UNOC:3+{chance.randrange(10**9)}:14+{chance.randrange(10**9)}:14+240501:1000+{chance.randrange(999)}'",
        "UNH+1+ORDERS:D:96A:UN'",
        f"BGM+220+{chance.randrange(9999)}+9'",
        *(f"LIN+{n}++{chance.randrange(10**12)}:EN'" for n in range(1, chance.randrange(3, 20))),
        "UNT+9+1'",
        "UNZ+1+1'",
    ]
    return (joint.join(lines) + joint).encode("latin-1")


def x12(chance: Chance) -> bytes:
    """An interchange."""
    end = chance.choice(["~", "~\n", "~\r\n"])
    head = f"ISA*00*          *00*          *ZZ*{chance.thing.upper():<15}*ZZ*ACME           *240501*1000*U*00401*{chance.randrange(10**9):09d}*0*P*>"
    items = [f"PO1*{n}*{chance.randrange(99)}*EA*9.5**VN*{chance.thing}" for n in range(chance.randrange(1, 20))]
    return end.join(
        [
            head,
            "GS*PO*A*B*20240501*1000*1*X*004010",
            "ST*850*0001",
            *items,
            "SE*9*0001",
            "GE*1*1",
            "IEA*1*000000001",
            "",
        ]
    ).encode()


def hl7(chance: Chance) -> bytes:
    """A message of version 2."""
    lines = [
        f"MSH|^~\\&|LAB|{chance.town}|EHR|X|{chance.at('%Y%m%d%H%M')}||ORU^R01|{chance.randrange(999)}|P|2.5",
        f"PID|1||{chance.randrange(9999)}||DOE^{chance.name}",
    ]
    return "\r".join([*lines, *(f"OBX|{n}|NM|GLU||{chance.randrange(200)}|mg/dl" for n in range(6)), ""]).encode()


def eml(chance: Chance) -> bytes:
    """A mail."""
    head = chance.choice(
        ["Received: from a.example by b.example; Mon, 6 May 2024 10:00:00 +0000\n", "Return-Path: <a@example.com>\n"]
    )
    return f"{head}From: {chance.thing}@example.com\nTo: b@example.org\nSubject: {chance.thing}\nDate: Mon, 6 May 2024 10:00:00 +0000\nMIME-Version: 1.0\nContent-Type: text/plain\n\n{chance.prose(4)}\n".encode()


def ics(chance: Chance) -> bytes:
    """A calendar."""
    events = "".join(
        f"BEGIN:VEVENT\r\nUID:{n}@x\r\nDTSTART:{chance.at('%Y%m%dT%H%M%SZ')}\r\nSUMMARY:{chance.thing}\r\nEND:VEVENT\r\n"
        for n in range(chance.randrange(1, 9))
    )
    return f"BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//x//y\r\n{events}END:VCALENDAR\r\n".encode()


def vcf(chance: Chance) -> bytes:
    """Cards."""
    card = "BEGIN:VCARD\r\nVERSION:3.0\r\nN:{0};A;;;\r\nFN:A {0}\r\nTEL:+49 30 {1}\r\nEND:VCARD\r\n"
    return "".join(card.format(chance.name, chance.randrange(9999)) for _ in range(chance.randrange(1, 9))).encode()


def ini(chance: Chance) -> bytes:
    """Sections and keys."""
    keys = "".join(
        f"[{chance.thing}{n}]\nhost = {chance.town.lower()}\nport={chance.randrange(9999)}\n\n" for n in range(5)
    )
    return (chance.choice(["", "; settings\n", "# settings\n"]) + keys).encode()


def toml(chance: Chance) -> bytes:
    """Tables with typed values."""
    return f'title = "{chance.thing}"\n\n[owner]\nname = "{chance.name}"\nsince = {chance.at()}T07:32:00Z\n\n[[items]]\nports = [{chance.randrange(999)}, 8001]\nenabled = true\n\n[[items]]\nports = []\n'.encode()


def yaml(chance: Chance) -> bytes:
    """Nested keys and lists."""
    items = "".join(
        f"  - name: {chance.thing}\n    image: repo/{chance.thing}:{n}\n    ports:\n      - {8000 + n}\n"
        for n in range(4)
    )
    return f'---\nversion: "3"\nservices:\n{items}default: {chance.town}\n'.encode()


def log(chance: Chance) -> bytes:
    """Of web servers, of syslog and of programs."""
    kind = chance.randrange(3)
    made = []
    for _ in range(chance.randrange(10, 80)):
        if kind == 0:
            stamp = chance.at("%d/%b/%Y:%H:%M:%S +0000")
            made.append(
                f'10.0.0.{chance.randrange(200)} - - [{stamp}] "GET /{chance.thing} HTTP/1.1" 200 {chance.randrange(9999)} "-" "Mozilla/5.0"'
            )
        elif kind == 1:
            made.append(
                f"{chance.at('%b %d %H:%M:%S')} host{chance.randrange(9)} sshd[{chance.randrange(9999)}]: {chance.prose(1)}"
            )
        else:
            level = chance.choice(["INFO", "WARN", "ERROR"])
            made.append(f"{chance.at('%Y-%m-%d %H:%M:%S,123')} {level} [main] app.{chance.thing} - {chance.prose(1)}")
    return ("\n".join(made) + "\n").encode()


def markdown(chance: Chance) -> bytes:
    """Headings, lists and code."""
    return f"# {chance.thing.title()}\n\n{chance.prose(3)}\n\n## Use\n\n* one\n* two, [link](https://example.org)\n\n```sh\nls -l\n```\n\n{chance.prose(2)}\n".encode()


def diff(chance: Chance) -> bytes:
    """By difflib."""
    old, new = ([chance.prose(1) + "\n" for _ in range(9)] for _ in range(2))
    return "".join(difflib.unified_diff(old, new, "a/x.txt", "b/x.txt")).encode()


def ebcdic(chance: Chance) -> bytes:
    """Records of 80 in code page 500, without line ends."""
    rows = [
        f"{chance.randrange(10**8):010d}{chance.thing.upper():<20}{chance.prose(1)[:40]:<40}{chance.at('%Y%m%d'):<10}"
        for _ in range(30)
    ]
    return "".join(rows).encode("cp500")


def ldif(chance: Chance) -> bytes:
    """Entries of a directory."""
    entry = "dn: uid={0},ou=people,dc=example,dc=org\nobjectClass: person\nuid: {0}\ncn: {0}\n\n"
    return ("version: 1\n\n" + "".join(entry.format(f"{chance.thing}{n}") for n in range(6))).encode()


def fasta(chance: Chance) -> bytes:
    """Sequences."""
    out = io.StringIO()
    for number in range(chance.randrange(1, 6)):
        out.write(f">seq{number} {chance.thing}\n")
        out.writelines("".join(chance.choices("ACGT", k=60)) + "\n" for _ in range(6))
    return out.getvalue().encode()


MAKERS: dict[str, Make] = {
    "csv": csv_text,
    "fixed_width": fixed_width,
    "text": prose,
    "json": json_text,
    "ndjson": ndjson,
    "xml": xml_text,
    "html": html,
    "sql_dump": sql_dump,
    "edifact": edifact,
    "x12": x12,
    "hl7": hl7,
    "eml": eml,
    "ics": ics,
    "vcf": vcf,
    "ini": ini,
    "toml": toml,
    "yaml": yaml,
    "log": log,
    "markdown": markdown,
    "diff": diff,
    "ebcdic": ebcdic,
    "ldif": ldif,
    "fasta": fasta,
}

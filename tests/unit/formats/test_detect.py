from __future__ import annotations

import pickle
import random
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headwater.formats.detect import OTHERS_MAX, detect
from headwater.formats.examine import ends_of
from headwater.formats.kinds import magic
from headwater.formats.kinds.kind_names import SPOKEN, spoken_kind
from headwater.formats.names import disagreement, spoken
from headwater.testing.memory_ranges import MemoryRanges

SECTOR = bytes(600)
DBF = (
    struct.pack("<B3BIHH20x", 3, 126, 1, 2, 1, 65, 11) + b"NAME\0\0\0\0\0\0\0C" + bytes(4) + b"\x0a" + bytes(15) + b"\r"
)
SAMPLES = {
    "hdf5": b"\x89HDF\r\n\x1a\n" + SECTOR,
    "netcdf": b"CDF\x01" + SECTOR,
    "feather_v1": b"FEA1" + SECTOR,
    "sas7bdat": bytes(12) + bytes.fromhex("c2ea8160b31411cfbd92080009c7318c181f1011") + SECTOR,
    "spss": b"$FL2@(#) SPSS DATA FILE" + SECTOR,
    "stata": b"<stata_dta><header><release>118</release>",
    "rds": b"X\n\x00\x00\x00\x03\x00\x04\x02\x00" + SECTOR,
    "rdata": b"RDX3\nX\n" + SECTOR,
    "npy": b"\x93NUMPY\x01\x00v\x00{'descr': '<f8'}",
    "pickle": pickle.dumps({"a": [1, 2]}, 4),
    "mtf": b"TAPE\x00\x00\x03\x00" + SECTOR,
    "shapefile": b"\x00\x00\x27\x0a" + bytes(24) + b"\xe8\x03\x00\x00" + SECTOR,
    "dbf": DBF + b" " * 22 + b"\x1a",
    "access": b"\x00\x01\x00\x00Standard Jet DB\x00" + SECTOR,
    "duckdb": bytes(8) + b"DUCK" + SECTOR,
    "pdf": b"%PDF-1.7\n%\xe2\xe3",
    "postscript": b"%!PS-Adobe-3.0\n",
    "rtf": b"{\\rtf1\\ansi hello}",
    "png": b"\x89PNG\r\n\x1a\n" + SECTOR,
    "jpeg": b"\xff\xd8\xff\xe0\x00\x10JFIF" + SECTOR,
    "gif": b"GIF89a" + SECTOR,
    "tiff": b"II*\x00\x08\x00\x00\x00" + SECTOR,
    "webp": b"RIFF\x24\x00\x00\x00WEBPVP8 " + SECTOR,
    "bmp": b"BM" + struct.pack("<4I", 618, 0, 54, 40) + SECTOR,
    "ico": b"\x00\x00\x01\x00\x01\x00\x10\x10" + SECTOR,
    "mp3": b"ID3\x03\x00" + SECTOR,
    "mp4": b"\x00\x00\x00\x18ftypisom" + SECTOR,
    "mov": b"\x00\x00\x00\x14ftypqt  " + SECTOR,
    "ogg": b"OggS\x00\x02" + SECTOR,
    "flac": b"fLaC\x00" + SECTOR,
    "wav": b"RIFF\x24\x00\x00\x00WAVEfmt " + SECTOR,
    "avi": b"RIFF\x24\x00\x00\x00AVI LIST" + SECTOR,
    "matroska": b"\x1aE\xdf\xa3" + SECTOR,
    "elf": b"\x7fELF\x02\x01\x01" + SECTOR,
    "pe": b"MZ" + bytes(58) + b"\x40\x00\x00\x00PE\x00\x00" + SECTOR,
    "java_class": b"\xca\xfe\xba\xbe\x00\x00\x00\x41" + SECTOR,
    "mach_o": b"\xcf\xfa\xed\xfe" + SECTOR,
    "wasm": b"\x00asm\x01\x00\x00\x00",
    "7z": b"7z\xbc\xaf\x27\x1c\x00\x04" + SECTOR,
    "rar": b"Rar!\x1a\x07\x01\x00" + SECTOR,
    "cab": b"MSCF\x00\x00\x00\x00" + SECTOR,
    "deb": b"!<arch>\ndebian-binary   1",
    "rpm": b"\xed\xab\xee\xdb\x03\x00" + SECTOR,
    "cpio": b"070701" + b"0" * 104,
    "iso9660": bytes(0x8001) + b"CD001\x01" + SECTOR,
    "lzip": b"LZIP\x01\x0c" + SECTOR,
    "compress": b"\x1f\x9d\x90" + SECTOR,
    "lz4_legacy": b"\x02\x21\x4c\x18" + SECTOR,
    "snappy_framed": b"\xff\x06\x00\x00sNaPpY" + SECTOR,
    "zlib": b"x\x9cK\xcaI\xe7\x02\x00\x00\x00\x01",
    "lzma": b"\x5d\x00\x00\x80\x00" + b"\xff" * 8 + b"\x00" + SECTOR,
    "pgp": b"\x85\x01\x0c\x03" + b"\x11" * 8 + b"\x01" + b"\x77" * 300,
    "pgp_armor": b"-----BEGIN PGP MESSAGE-----\n\nhQEM\n-----END PGP MESSAGE-----\n",
    "age": b"age-encryption.org/v1\n-> X25519 abc\n",
    "openssl_salted": b"Salted__" + b"\x91" * 40,
    "pem": b"-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n",
    "der": b"\x30\x82\x02\x58\x30\x82\x01\x00" + b"\x05" * 596,
    "pcap": b"\xd4\xc3\xb2\xa1\x02\x00\x04\x00" + SECTOR,
    "git_pack": b"PACK\x00\x00\x00\x02" + SECTOR,
    "plist": b"bplist00" + SECTOR,
    "bson": b"\x15\x00\x00\x00\x02name\x00\x06\x00\x00\x00Smith\x00\x00",
    "x12": b"ISA*00*          *00*          *ZZ*A              *ZZ*B              *261130*1122*U*00401*1*0*P*>~",
    "edifact": b"UNA:+.? 'UNB+UNOA:1+A+B+261130:1122+1'UNH+1+ORDERS'",
    "hl7": b"MSH|^~\\&|A|B|C|D|20261130||ADT^A01|1|P|2.5\rPID|1\r",
    "swift": b"{1:F01BANKDEFFAXXX0000000000}{2:I940BANKDEFFXXXXN}{4:\r\n:20:X\r\n-}",
    "html": b"<!DOCTYPE html>\n<html><body><p>a</p></body></html>",
    "ics": b"BEGIN:VCALENDAR\r\nVERSION:2.0\r\nEND:VCALENDAR\r\n",
    "vcf": b"BEGIN:VCARD\r\nVERSION:3.0\r\nFN:A B\r\nEND:VCARD\r\n",
    "variants": b"##fileformat=VCFv4.2\n#CHROM\tPOS\tID\n1\t2\t3\n",
    "ini": b"; settings\n[server]\nhost = example\nport = 80\n\n[client]\nname = x y z\n",
    "toml": b'[server]\nhost = "example"\nport = 80\nlist = [1, 2]\n',
    "yaml": b"---\nname: x\nlist:\n  - a\n  - b\n",
    "log": b"".join(b"2026-11-30 11:22:%02d INFO something happened %s\n" % (n, b"x " * n) for n in range(9)),
    "metrics": b'# HELP requests_total All.\n# TYPE requests_total counter\nrequests_total{code="200"} 1027\n',
    "eml": b"Received: from a by b\r\nFrom: a@b.c\r\nTo: d@e.f\r\nSubject: hello\r\nDate: Mon\r\n\r\nHello.\r\n",
    "mbox": b"From a@b.c Mon Nov 30 11:22:33 2026\nFrom: a@b.c\nTo: d\n\nhi\n",
    "python": b"#!/usr/bin/env python3\nprint(1)\n",
    "shell": b"#!/bin/sh\necho 1\n",
    "source": b"#include <stdio.h>\n\nint main(void) {\n    return 0;\n}\n",
    "diff": b"diff --git a/x b/x\n--- a/x\n+++ b/x\n@@ -1 +1 @@\n-a\n+b\n",
    "markdown": b"# Title\n\nSome words about it, and then a list:\n\n- one\n- two\n\n## More\n\nMore words.\n",
    "latex": b"\\documentclass{article}\n\\begin{document}\nx\n\\end{document}\n",
    "ldif": b"dn: cn=a,dc=b\nobjectClass: person\ncn: a\n",
    "fasta": b">one\nACGTACGTACGT\n>two\nACGTTTGA\n",
    "ebcdic": "CUSTOMER NUMBER 12345 NAME SMITH AND SONS CITY LONDON ".encode("cp037") * 4,
    "zeros": bytes(5000),
}


def best(data):
    """The best guess."""
    return detect(ends_of(MemoryRanges(data)))[0]


@pytest.mark.parametrize("kind", SAMPLES)
def test_kinds(kind):
    """Each kind is recognised by its bytes alone, with a reason, and people have a name for it."""
    guess = best(SAMPLES[kind])
    assert guess.value == kind
    assert guess.evidence
    assert spoken_kind(kind) in SPOKEN.values()
    assert spoken(kind) == SPOKEN[kind]


def test_enough_kinds():
    """At least 60 kinds are known by their magic numbers alone."""
    assert len({mark.format for mark in magic._MARKS}) >= 60
    assert all(mark.format in SPOKEN for mark in magic._MARKS)


def test_empty_and_unknown():
    """Nothing, and bytes of no known kind, are answers."""
    assert best(b"").value == "empty"
    assert best(random.Random(1).randbytes(3000)).value == "unknown"


def test_ranking():
    """Guesses come best first, each kind once, and not too many."""
    guesses = detect(ends_of(MemoryRanges(b"a,b\n1,2\n3,4\n")))
    assert [guess.confidence for guess in guesses] == sorted((guess.confidence for guess in guesses), reverse=True)
    assert len({guess.value for guess in guesses}) == len(guesses) <= OTHERS_MAX + 1


@pytest.mark.parametrize(
    "text",
    [
        b"2026-11-30 10:00:00,5,ok\n2026-11-30 10:00:01,6,ok\n2026-11-30 10:00:02,7,bad\n",
        b"key: value,other\nkey2: value,x\nkey3: v,y\n"[:0] + b"name,note\na,key: value\nb,key: other\n",
        b"ISA,UNB,MSH\n1,2,3\n4,5,6\n",
        b"From,To,Subject\na,b,c\nd,e,f\n",
        b"BM,GIF,MZ\n1,2,3\n4,5,6\n",
    ],
)
def test_tables_are_no_logs_and_no_mail(text):
    """A table that looks a little like another kind is a table."""
    assert best(text).value == "csv"


def test_xhtml_is_left_to_xml():
    """XHTML is XML; HTML without its namespace is HTML, also behind an XML declaration."""
    assert best(b'<?xml version="1.0"?><html xmlns="http://www.w3.org/1999/xhtml"><body/></html>').value == "xml"
    assert best(b'<?xml version="1.0"?>\n<html><head><title>x</title></head><body><p>y</body></html>').value == "html"


def test_names_that_lie():
    """A name that promises another kind is said, in the words of people."""
    problems = disagreement("report.csv", best(SAMPLES["pdf"]), [])
    assert [problem.sentence for problem in problems] == ["The name ends in .csv, but the contents are PDF."]


@given(data=st.binary(max_size=400))
def test_any_bytes(data):
    """Whatever the bytes, there is an answer."""
    assert best(data).value


@given(head=st.sampled_from(sorted(SAMPLES)), cut=st.integers(1, 60), tail=st.binary(max_size=80))
def test_cut_beginnings(head, cut, tail):
    """Whatever stands behind the beginning of a known kind, there is an answer."""
    assert best(SAMPLES[head][:cut] + tail).value

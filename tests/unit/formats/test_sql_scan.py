import pytest
from hypothesis import given
from hypothesis import strategies as st

from headwater.formats.dumps.sql_events import Bad, Command, Comment, CopyRows, Rows, Statement
from headwater.formats.dumps.sql_feed import STATEMENT_BYTES_MAX
from headwater.formats.dumps.sql_lexer import Grammar, Open, Tongue
from headwater.formats.dumps.sql_scan import Scanner
from headwater.formats.dumps.sql_values import Reading

MYSQL = Grammar(Tongue.MYSQL, has_backslash=True)
POSTGRES = Grammar(Tongue.POSTGRES)
SQLITE = Grammar(Tongue.SQLITE)
TSQL = Grammar(Tongue.TSQL)
ORACLE = Grammar(Tongue.ORACLE)
ANY = Grammar()


def scanned(text, grammar=ANY, piece_bytes=1 << 20, **how):
    """The events of a text that comes in such pieces, and the scanner at its end."""
    scanner = Scanner((text[at : at + piece_bytes] for at in range(0, len(text), piece_bytes)), grammar, **how)
    return list(scanner.events()), scanner


def rows(text, grammar=ANY, piece_bytes=1 << 20):
    """The rows alone."""
    events, _ = scanned(text, grammar, piece_bytes)
    return [row for event in events if isinstance(event, Rows) for row in event.rows]


def statements(text, grammar=ANY):
    """The statements alone."""
    return [event.text for event in scanned(text, grammar)[0] if isinstance(event, Statement)]


@pytest.mark.parametrize("piece_bytes", [1, 5, 1000])
@pytest.mark.parametrize(
    ("grammar", "text", "expected"),
    [
        (MYSQL, rb"INSERT INTO `a` VALUES (1,'x\'),('),(2,'');", [rb"(1,'x\'),(')", b"(2,'')"]),
        (MYSQL, rb"INSERT INTO `a` VALUES (1,'\\'),(2,'b');", [rb"(1,'\\')", b"(2,'b')"]),
        (POSTGRES, rb"INSERT INTO a VALUES (1,'x\'),(2,E'\'),(');", [rb"(1,'x\')", rb"(2,E'\'),(')"]),
        (POSTGRES, b"INSERT INTO a VALUES (1,$a$'),($a$),(2,'it''s');", [b"(1,$a$'),($a$)", b"(2,'it''s')"]),
        (ANY, b"INSERT INTO a VALUES (1), -- it's\n (2) /* ), */ , (3);", [b"(1)", b"(2)", b"(3)"]),
        (ANY, b"INSERT INTO a VALUES ((((((1)))))),(f(g(2)));", [b"((((((1))))))", b"(f(g(2)))"]),
        (
            ANY,
            b"INSERT INTO a VALUES (1);\nINSERT INTO a VALUES (2);\nINSERT INTO b VALUES (3);",
            [b"(1)", b"(2)", b"(3)"],
        ),
        (TSQL, b"INSERT [a] ([x]]y]) VALUES (N'1')\r\nINSERT [a] ([x]]y]) VALUES (2)\r\nGO\r\n", [b"(N'1')", b"(2)"]),
        (
            ORACLE,
            b"Insert into A (B) values (q'[it's; ]');\nInsert into A (B) values ('x');",
            [b"(q'[it's; ]')", b"('x')"],
        ),
        (SQLITE, b'INSERT INTO "a;b" VALUES(1) ON CONFLICT DO NOTHING;INSERT INTO c VALUES(2);', [b"(1)", b"(2)"]),
    ],
)
def test_rows_are_cut_where_the_dialect_cuts_them(grammar, text, expected, piece_bytes):
    """Quotes, escapes, comments and nested brackets of each dialect hide commas, brackets and semicolons."""
    assert rows(text, grammar, piece_bytes) == expected


@given(st.lists(st.text(alphabet="a'\\\",();-/*$\n€", max_size=12), min_size=1, max_size=8), st.integers(1, 20))
def test_any_texts_come_back_from_any_pieces(texts, piece_bytes):
    """What is quoted by the rules of MySQL or of the standard is read back as it was."""
    for grammar, quote in (
        (MYSQL, lambda text: "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"),
        (POSTGRES, lambda text: "'" + text.replace("'", "''") + "'"),
    ):
        sql = (
            "INSERT INTO t VALUES " + ",".join(f"({number},{quote(text)})" for number, text in enumerate(texts)) + ";\n"
        )
        reading = Reading(grammar, "utf-8")
        found = [reading.row(row) for row in rows(sql.encode(), grammar, piece_bytes)]
        assert found == [[str(number), text] for number, text in enumerate(texts)]


@given(
    st.lists(st.one_of(st.none(), st.text(alphabet="ab\\\t\n\r.N€", max_size=8)), min_size=1, max_size=5),
    st.integers(1, 9),
)
def test_copy_gives_back_what_was_put_in(values, piece_bytes):
    """Fields escaped as PostgreSQL does are read back, and no value ends the block."""
    marks = {"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r"}
    fields = ["\\N" if each is None else "".join(marks.get(char, char) for char in each) for each in values]
    line = "\t".join(fields)
    text = f"COPY public.t (a) FROM stdin;\n{line}\n{line}\n\\.\n\nSELECT 1;\n".encode()
    events, scanner = scanned(text, POSTGRES, piece_bytes)
    lines = b"".join(event.lines for event in events if isinstance(event, CopyRows)).split(b"\n")[:-1]
    assert Reading(POSTGRES, "utf-8").copied(lines) == [values, values]
    assert scanner.ended is Open.NOTHING
    assert isinstance(events[-1], Statement)


@pytest.mark.parametrize(
    ("grammar", "text", "inside"),
    [
        (ANY, b"INSERT INTO t VALUES (1,'a", Open.TEXT),
        (ANY, b"INSERT INTO t VALUES (1,", Open.ROW),
        (ANY, b"INSERT INTO t VALUES (1),", Open.STATEMENT),
        (POSTGRES, b"INSERT INTO t VALUES (1)", Open.STATEMENT),
        (ANY, b"INSERT INTO t VALUES (1", Open.ROW),
        (ANY, b"CREATE TABLE t (a", Open.STATEMENT),
        (ANY, b'CREATE TABLE "t', Open.NAME),
        (ANY, b"CREATE TABLE t (a /* b", Open.COMMENT),
        (ANY, b"/* b", Open.COMMENT),
        (POSTGRES, b"CREATE FUNCTION f() AS $x$ BEGIN; $y$", Open.TEXT),
        (POSTGRES, b"COPY t FROM stdin;\n1\t2\n1", Open.ROW),
        (POSTGRES, b"COPY t FROM stdin;\n1\t2\n", Open.ROW),
        (SQLITE, b"CREATE TRIGGER t AFTER INSERT ON a BEGIN DELETE FROM b; ", Open.STATEMENT),
        (ANY, b"INSERT INTO t VALUES (1);", Open.NOTHING),
        (TSQL, b"INSERT INTO t VALUES (1)", Open.NOTHING),
        (ANY, b"", Open.NOTHING),
    ],
)
@pytest.mark.parametrize("piece_bytes", [1, 1000])
def test_the_end_says_what_was_open(grammar, text, inside, piece_bytes):
    """A text that ends inside of something says inside of what."""
    assert scanned(text, grammar, piece_bytes)[1].ended is inside


def test_bodies_with_semicolons_are_one_statement():
    """Triggers, functions and procedures stay whole in each dialect."""
    lite = b"CREATE TRIGGER t AFTER INSERT ON a BEGIN DELETE FROM b; UPDATE c SET d = CASE WHEN 1 THEN 2 END; END;"
    assert statements(lite + b"\nSELECT 1;", SQLITE) == [lite, b"SELECT 1;"]
    post = b"CREATE FUNCTION f() AS $$ a; 'b; $$;"
    atomic = b"CREATE FUNCTION f() RETURNS int BEGIN ATOMIC SELECT 1; SELECT 2; END;"
    assert statements(post + atomic, POSTGRES) == [post, atomic]
    mine = b"DELIMITER ;;\nCREATE PROCEDURE p() BEGIN SELECT 1; SELECT ';;'; END;;\nDELIMITER ;\nSELECT 2;"
    assert statements(mine, MYSQL) == [b"CREATE PROCEDURE p() BEGIN SELECT 1; SELECT ';;'; END;;", b"SELECT 2;"]
    micro = b"CREATE PROCEDURE p AS\nBEGIN\nINSERT INTO a VALUES (1);\nEND\nGO\nPRINT 'x'\nGO\n"
    assert [each.split()[0] for each in statements(micro, TSQL)] == [b"CREATE", b"PRINT"]
    oracle = b"CREATE OR REPLACE TRIGGER t BEFORE INSERT ON a\nBEGIN\n  x := 'a;';\nEND;\n/\nALTER TRIGGER t ENABLE;\n"
    assert len(statements(oracle, ORACLE)) == 2


def test_comments_and_commands_stand_apart():
    """Comments between statements and lines for the client program are told as such."""
    events, _ = scanned(b"-- one\n/* two */\n\\connect shop\nSELECT 1; -- three", POSTGRES)
    assert [type(event) for event in events] == [Comment, Comment, Command, Statement, Comment]
    assert [type(event) for event in scanned(b"/*!40101 SET NAMES utf8 */;\n# x\n", MYSQL)[0]] == [Statement, Comment]


def test_what_is_no_row_is_passed_over():
    """A semicolon inside of a row's brackets ends the INSERT, and what follows is read."""
    events, scanner = scanned(b"INSERT INTO t VALUES (1),(2;\nINSERT INTO t VALUES (3);\n")
    assert [type(event) for event in events] == [Rows, Bad, Rows]
    assert scanner.ended is Open.NOTHING


def test_long_rows_are_counted_and_not_held():
    """A row longer than what may be held counts as lost, and those behind it are read."""
    text = b"INSERT INTO t VALUES (1,'" + b"x" * 5000 + b"'),(2,'y');\n"
    for piece_bytes in (100, 1 << 20):
        events, _ = scanned(text, MYSQL, piece_bytes, row_bytes_max=1000)
        assert sum(event.lost for event in events) == 1
        assert [row for event in events for row in event.rows] == [b"(2,'y')"]


def test_long_statements_are_cut_short():
    """A statement beyond all measure is passed over with its beginning kept, and its end is found."""
    text = b"SELECT '" + b"x" * (STATEMENT_BYTES_MAX + 10) + b"; '; SELECT 2;"
    for piece_bytes in (1000, 1 << 24):
        found = [event for event in scanned(text, ANY, piece_bytes)[0] if isinstance(event, Statement)]
        assert [len(each.text) for each in found] == [STATEMENT_BYTES_MAX, 9]


@given(st.binary(max_size=200), st.sampled_from(list(Tongue)), st.integers(1, 50))
def test_no_bytes_break_it_and_pieces_make_no_difference(data, tongue, piece_bytes):
    """Whatever comes after a good beginning, the scanner ends, with the same events for any pieces."""
    for start in (b"INSERT INTO t VALUES (1,'", b"CREATE TABLE t (", b"COPY t FROM stdin;\n"):
        grammar = Grammar(tongue, has_backslash=tongue is Tongue.MYSQL)
        one, first = scanned(start + data, grammar)
        two, second = scanned(start + data, grammar, piece_bytes)
        assert _flat(one) == _flat(two)
        assert first.ended is second.ended


def _flat(events):
    found = []
    for event in events:
        if isinstance(event, Rows):
            found += [(event.head, row) for row in event.rows]
        elif isinstance(event, CopyRows):
            found += [(event.head, line) for line in event.lines.split(b"\n")[:-1]]
        else:
            found.append(event)
    return found

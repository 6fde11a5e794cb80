import pytest

from headwater.formats.dumps.sql_ddl import Declared, created, type_of
from headwater.formats.dumps.sql_lexer import Grammar, Tongue
from headwater.formats.dumps.sql_statements import Kind, kind_of, kind_of_command
from headwater.formats.dumps.sql_tables import column_of
from headwater.formats.dumps.sql_values import Reading
from headwater.formats.finding import Type

MYSQL = Grammar(Tongue.MYSQL, has_backslash=True)


@pytest.mark.parametrize(
    ("grammar", "raw", "value"),
    [
        (Grammar(), b"NULL", None),
        (Grammar(), b"null", None),
        (Grammar(), b"''", ""),
        (Grammar(), b" 'it''s' ", "it's"),
        (Grammar(), b"-1.5e3", "-1.5e3"),
        (Grammar(), b"TRUE", "TRUE"),
        (Grammar(), b"x'0aFF'", "0aff"),
        (Grammar(), b"DATE '2024-01-01'", "2024-01-01"),
        (MYSQL, rb"'a\nb\'\\\0\%'", "a\nb'\\\0\\%"),
        (MYSQL, b"0x00FF", "00ff"),
        (MYSQL, b"b'101'", "101"),
        (MYSQL, rb"_binary 'a\0\''", "610027"),
        (MYSQL, b"_utf8mb4'x'", "x"),
        (Grammar(Tongue.POSTGRES), rb"E'a\tb\u00e9\x41'", "a\tb\u00e9A"),
        (Grammar(Tongue.POSTGRES), rb"'a\tb'", r"a\tb"),
        (Grammar(Tongue.POSTGRES), b"'{1,2}'::integer[]", "{1,2}"),
        (Grammar(Tongue.SQLITE), rb"replace(replace('a\r\nb','\r',char(13)),'\n',char(10))", "a\r\nb"),
        (Grammar(Tongue.SQLITE), rb"unistr('a\u000ab\\')", "a\nb\\"),
        (Grammar(Tongue.TSQL), b"CAST(N'2024-01-01' AS DateTime2)", "2024-01-01"),
        (Grammar(Tongue.TSQL), b"CAST(1.25 AS Decimal(10, 2))", "1.25"),
        (Grammar(Tongue.TSQL), b"CONVERT(datetime, '2024-01-01', 120)", "2024-01-01"),
        (Grammar(Tongue.ORACLE), b"to_date('2024','YYYY')", "2024"),
        (Grammar(Tongue.ORACLE), b"'a' || chr(10) || 'b'", "a\nb"),
        (Grammar(Tongue.ORACLE), b"q'[it's]'", "it's"),
        (Grammar(Tongue.ORACLE), rb"unistr('\00fc\d83d\de00')", "ü😀"),
        (Grammar(Tongue.ORACLE), b"SYSDATE", "SYSDATE"),
        (Grammar(), b"'\xff'", "\\xff"),
    ],
)
def test_values_are_read_as_text(grammar, raw, value):
    """Each way to write a value in each dialect gives its text; bytes give hex digits."""
    assert Reading(grammar, "utf-8").value(raw) == value


def test_rows_are_split_at_their_own_commas():
    """Commas in texts and in brackets part no values."""
    row = b"(1, 'a,b', f(2,'),'), \"x,y\" ,NULL)"
    assert Reading(Grammar(), "utf-8").row(row) == ["1", "a,b", "f(2,'),')", '"x,y"', None]


@pytest.mark.parametrize(
    ("tongue", "written", "kind"),
    [
        (Tongue.POSTGRES, "numeric(10,2)", Type.DECIMAL),
        (Tongue.POSTGRES, "numeric(10)", Type.INTEGER),
        (Tongue.POSTGRES, "numeric(38,0)", Type.DECIMAL),
        (Tongue.POSTGRES, "timestamp with time zone", Type.TIMESTAMPTZ),
        (Tongue.POSTGRES, "double precision", Type.FLOAT),
        (Tongue.POSTGRES, "integer[]", Type.TEXT),
        (Tongue.POSTGRES, "public.mood", None),
        (Tongue.MYSQL, "bigint(20) unsigned", Type.INTEGER),
        (Tongue.MYSQL, "enum('a','b')", Type.TEXT),
        (Tongue.TSQL, "bit", Type.BOOLEAN),
        (Tongue.TSQL, "datetimeoffset(7)", Type.TIMESTAMPTZ),
        (Tongue.ORACLE, "DATE", Type.TIMESTAMP),
        (Tongue.ORACLE, "NUMBER(10,0)", Type.INTEGER),
        (Tongue.SQLITE, "DATE", None),
        (Tongue.SQLITE, "INTEGER", Type.INTEGER),
    ],
)
def test_written_types_are_known(tongue, written, kind):
    """A type as each database writes it stands for one of ours, or for none where the values must tell."""
    assert type_of(written, tongue) is kind


def test_tables_are_read_from_their_definitions():
    """Names in any quotes, types with brackets, defaults with commas, comments and constraints come out right."""
    sql = b"""CREATE TABLE IF NOT EXISTS `shop`.`we ``ird` ( -- a comment, with a comma
      `id` int(10) unsigned NOT NULL AUTO_INCREMENT /* x, y */,
      `a,b` enum('a','b;c') CHARACTER SET utf8 DEFAULT 'x, y',
      `key` varchar(10) DEFAULT NULL COMMENT 'it''s', price decimal(10, 2),
      PRIMARY KEY (`id`), KEY `k` (`a,b`,`key`), CONSTRAINT `c` CHECK (`price` > 0)
    ) ENGINE=InnoDB;"""
    made = created(sql, MYSQL, "utf-8")
    assert made is not None
    assert [(column.name, column.written) for column in made[1]] == [
        ("id", "int(10) unsigned"),
        ("a,b", "enum('a','b;c')"),
        ("key", "varchar(10)"),
        ("price", "decimal(10,2)"),
    ]
    assert created(b"CREATE VIEW v AS SELECT 1;", MYSQL, "utf-8") is None


def test_values_that_do_not_bear_out_their_type_make_it_unsure():
    """A declared type is kept with its doubts where values cannot be read so."""
    declared = Declared("d", "timestamp", Type.TIMESTAMP)
    assert column_of(declared, ["2024-01-01 10:00:00"] * 3).confidence == 1.0
    doubted = column_of(declared, ["0000-00-00 00:00:00", "2024-01-01 10:00:00"])
    assert (doubted.type, doubted.confidence) == (Type.TIMESTAMP, 0.5)


def test_texts_that_look_like_nulls_are_no_nulls():
    """The dump itself says what is null; an empty text is a text."""
    column = column_of(Declared("a", "text", Type.TEXT), ["", "NULL", None])
    assert (column.nulls, column.distinct, column.null_texts) == (1, 2, ())


@pytest.mark.parametrize(
    ("statement", "kind"),
    [
        (b"DROP TABLE IF EXISTS `t`;", Kind.PLAIN),
        (b"/*!40000 ALTER TABLE `t` DISABLE KEYS */;", Kind.PLAIN),
        (b"SELECT pg_catalog.setval('public.s', 7, true);", Kind.PLAIN),
        (b"COMMENT ON TABLE t IS 'DROP DATABASE x';", Kind.PLAIN),
        (b"CREATE FUNCTION f() LANGUAGE sql AS $$ TRUNCATE t; $$;", Kind.PLAIN),
        (b"UPDATE t SET a = 1;", Kind.OTHER),
        (b"CALL p();", Kind.OTHER),
        (b"DROP DATABASE x;", Kind.DANGEROUS),
        (b"/*!40000 DROP DATABASE IF EXISTS `shop`*/;", Kind.DANGEROUS),
        (b"COPY t TO '/etc/passwd';", Kind.DANGEROUS),
        (b"COPY t FROM PROGRAM 'id';", Kind.DANGEROUS),
        (b"LOAD DATA LOCAL INFILE 'x' INTO TABLE t;", Kind.DANGEROUS),
        (b"CREATE FUNCTION f() LANGUAGE plpython3u AS $$ import os $$;", Kind.DANGEROUS),
        (b"SELECT load_extension('x');", Kind.DANGEROUS),
    ],
)
def test_statements_are_told_apart(statement, kind):
    """What makes tables is plain, what changes data or runs code is not, what destroys or reaches out is dangerous."""
    assert kind_of(statement, Grammar(Tongue.ANY)) is kind


def test_many_dollar_marks_do_not_hang_it():
    """Dollar quotes that nobody closes cost no more than their length."""
    assert kind_of(b"SELECT " + b" ".join(b"$a%d$" % number for number in range(100_000)), Grammar()) is Kind.OTHER


def test_client_commands_are_told_apart():
    """A shell escape is dangerous; connecting is not."""
    assert kind_of_command(b"\\! rm -rf /") is Kind.DANGEROUS
    assert kind_of_command(b"\\connect shop") is Kind.PLAIN
    assert kind_of_command(b"\\restrict abc") is Kind.PLAIN
    assert kind_of_command(b"REM inserting") is Kind.PLAIN

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headwater.formats.encodings.encoding import decode, encoding_of

WORDS = {
    "cp1252": "Müller Größe Straße Köln Jürgen Übung Käse façon “quoted” 5€ Besançon señor",
    "iso8859-15": "cœur sœur œuvre 10€ Besançon français",
    "cp1250": "Łódź Kraków źródło żółty Wałęsa Gdańsk Poznań Częstochowa ćma Białystok Šebek",
    "iso8859-2": "Příbram Žižkov Plzeň Třebíč Jiří Dvořák Ústí řeka žena město Děčín Šumava",
    "cp1251": "Москва Петербург Иванов Казань Новосибирск улица Пётр цена Сергей Ольга",
    "koi8-r": "Москва Петербург Иванов Казань Новосибирск улица Пётр цена Сергей Ольга",
    "cp1253": "Αθήνα Θεσσαλονίκη Πάτρα Γιώργος Μαρία Ηράκλειο οδός τιμή Κωνσταντίνος",
    "cp1254": "İstanbul Çağlar Şişli Eskişehir ağaç Gülşah Muğla Ömer Beşiktaş",
    "shift_jis": "東京 大阪 名古屋 山田太郎 株式会社 カタカナ ひらがな 京都府 鈴木 電話番号",
    "euc_jp": "東京 大阪 名古屋 山田太郎 株式会社 京都府 鈴木 佐藤 電話番号",
    "gb18030": "北京 上海 广州 张伟 李娜 有限公司 地址 电话 深圳 价格 数量",
    "big5": "臺北 高雄 臺中 陳先生 林小姐 有限公司 地址 電話 價格 數量",
    "euc_kr": "서울 부산 김철수 이영희 주식회사 대구 주소 전화 가격 수량",
    "mac-roman": "Hélène Besançon été élève façon Noël garçon français où château Gérard",
    "cp850": "Göteborg Malmö Åsa smörgås Växjö Östersund kött Linköping hälsa Örebro",
}


@pytest.mark.parametrize("name", WORDS)
def test_old_encodings_are_known_by_their_few_words(name):
    """Ten words among hundreds of ASCII ones are enough: the text comes out as it was written."""
    words = WORDS[name].split()
    told = [words[number // 6 % len(words)] if number % 6 == 0 else "north" for number in range(60)]
    text = "\n".join(f"{number};{word};{number * 3.5}" for number, word in enumerate(told))
    found = encoding_of([text.encode(name)], is_whole=True)
    assert text.encode(name).decode(found.name) == text
    assert not found.is_certain


@pytest.mark.parametrize("name", ["utf-8-sig", "utf-16", "utf-32"])
def test_a_mark_is_certain(name):
    """What begins with a byte order mark is what the mark says, and the mark is no part of the text."""
    data = "id;größe\n1;ü\n".encode(name)
    found = encoding_of([data], is_whole=True)
    assert found.is_certain
    assert data[found.bom_bytes :].decode(found.name) == "id;größe\n1;ü\n"


@pytest.mark.parametrize("name", ["utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be"])
def test_nuls_tell_wide_encodings(name):
    """Without a mark the places of the NULs say it."""
    assert encoding_of(["id;name\n1;Müller\n".encode(name) * 9], is_whole=True).name == name


def test_utf8_with_few_broken_places_is_still_utf8():
    """One byte that is none among many sound characters leaves it UTF-8, and its place is told."""
    data = "größe überall möglich\n".encode() * 5
    data = data[:30] + b"\xff" + data[30:]
    assert encoding_of([data], is_whole=True).name == "utf-8"
    decoded = decode(data, "utf-8")
    assert (decoded.bad, decoded.bad_at, decoded.is_half) == (1, 30, False)


def test_half_a_character_is_an_error_at_the_end_alone():
    """Windows of a text may be cut anywhere; the end of the whole inside a character is told."""
    data = "größe".encode()[:-2]  # ends inside the sharp s
    assert decode(data, "utf-8", is_end=False).bad == 0
    assert not decode(data, "utf-8", is_end=False).is_half
    assert decode(data, "utf-8", is_end=True).is_half
    assert decode("ß".encode()[1:] + b"e", "utf-8", is_start=False).text == "e"
    assert decode("東京".encode("shift_jis")[:-1], "shift_jis").is_half
    assert decode("ab".encode("utf-16-le")[:-1], "utf-16-le").is_half


def test_ascii_is_certain_only_where_all_was_read():
    """ASCII is read as UTF-8; of a sample nobody knows what comes later."""
    assert encoding_of([b"a,b\n"], is_whole=True).is_certain
    assert not encoding_of([b"a,b\n"], is_whole=False).is_certain


def test_a_word_without_end_is_looked_through_once():
    """Two megabytes of letters before the first byte beyond ASCII: tried from each letter on, they would take a day."""
    assert encoding_of([b"a" * 2_000_000 + b" caf\xe9" * 9000], is_whole=True).name == "cp1252"


@given(st.binary(max_size=300), st.booleans())
def test_whatever_the_bytes_are_they_are_read(data, is_whole):
    """An encoding comes out for any bytes, and text by it."""
    found = encoding_of([data], is_whole=is_whole)
    assert isinstance(decode(data[found.bom_bytes :], found.name).text, str)


@given(st.text(max_size=200), st.integers(0, 60))
def test_strict_utf8_is_never_taken_for_another(text, cut):
    """UTF-8 text, also cut inside a character, is UTF-8."""
    data = text.encode()
    found = encoding_of([data[: max(0, len(data) - cut)]], is_whole=False)
    assert found.name == "utf-8" or "\x00" in text or "\x1b" in text or text[:1] in {"\ufeff", "\ufffe"}

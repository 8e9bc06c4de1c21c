"""Bytes to text: which character set."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gristmill.ingest.charset import clean_text, decode_text, is_binary

RUSSIAN = "Мельница стоит на излучине реки и мелет муку уже триста лет. "
JAPANESE = "水車小屋は川の曲がり角にあり、三百年のあいだ粉を挽いている。"


def test_a_byte_order_mark_wins_over_every_label() -> None:
    assert decode_text(b"\xef\xbb\xbf\xc3\xa9", "koi8-r") == ("é", "utf-8")
    assert decode_text(b"\xff\xfe" + "né".encode("utf-16-le"), "utf-8") == ("né", "utf-16-le")


def test_the_header_wins_over_the_page() -> None:
    data = b'<meta charset="koi8-r">' + RUSSIAN.encode("cp1251")
    text, charset = decode_text(data, "windows-1251", html=True)
    assert text.endswith(RUSSIAN)
    assert charset == "cp1251"


def test_the_page_names_its_own_character_set() -> None:
    data = b"<meta http-equiv=content-type content='text/html; charset=EUC-JP'>" + JAPANESE.encode("euc_jp")
    text, charset = decode_text(data, html=True)
    assert text.endswith(JAPANESE)
    assert charset == "euc_jp"


def test_latin_1_means_windows_1252() -> None:
    assert decode_text(b"\x93quoted\x94", "ISO-8859-1") == ("“quoted”", "cp1252")


@pytest.mark.parametrize("label", ["no-such-set", "", "\x00", None, '"utf-8"'])
def test_an_unknown_label_is_passed_over(label: str | None) -> None:
    assert decode_text("né".encode(), label) == ("né", "utf-8")


def test_a_label_that_the_bytes_contradict_is_passed_over() -> None:
    data = RUSSIAN.encode("koi8_r") * 5
    assert decode_text(data, "utf-8") == (RUSSIAN * 5, "koi8-r")


def test_utf_8_with_a_few_bad_bytes_stays_utf_8() -> None:
    text, charset = decode_text(RUSSIAN.encode() + b"\xff\xfe" + RUSSIAN.encode(), "utf-8")
    assert charset == "utf-8"
    assert text.count("\ufffd") == 2


def test_without_a_label_it_is_detected() -> None:
    assert decode_text((JAPANESE * 5).encode("shift_jis")) == (JAPANESE * 5, "shift_jis")


def test_nul_and_lone_surrogates_do_not_reach_the_text() -> None:
    assert clean_text("a\0b") == "ab"
    assert clean_text("\ud83d\ude00 \ud800") == "😀 \ufffd"


@given(st.binary(max_size=300), st.sampled_from([None, "utf-8", "gb2312", "iso-2022-jp", "utf-16le", "big5"]))
def test_any_bytes_become_valid_text(data: bytes, label: str | None) -> None:
    text, _ = decode_text(data, label, html=True)
    assert "\0" not in text
    assert text.encode().decode() == text


def test_pictures_and_programs_are_binary_and_text_is_not() -> None:
    assert is_binary(b"\x89PNG\r\n\x1a\n" + bytes(range(256)))
    assert is_binary(bytes(1000))
    assert not is_binary(RUSSIAN.encode("cp1251"))
    assert not is_binary(b"\x1b$B$3$l\x1b(B text")
    assert not is_binary(b"one NUL\0 in a long line of text, as pages have")
    assert not is_binary("né".encode("utf-16"))
    assert not is_binary(b"")

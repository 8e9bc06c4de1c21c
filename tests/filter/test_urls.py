from __future__ import annotations

import gzip
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gristmill.errors import RecipeError
from gristmill.filter.options import EntryListOptions, UrlOptions
from gristmill.filter.urls import UrlRules, judge_urls


def entries(*names: str) -> EntryListOptions:
    return EntryListOptions(entries=names)


def judge(
    urls: list[str | None], *, mode: str = "strict", **options: object
) -> list[tuple[str | None, str | None]]:
    rules = UrlRules(UrlOptions.model_validate(options), mode=mode)
    found = judge_urls(pl.Series(urls, dtype=pl.String), rules)
    return list(found.select("rule", "detail").iter_rows())


def rules_of(urls: list[str | None], *, mode: str = "strict", **options: object) -> list[str | None]:
    return [rule for rule, _ in judge(urls, mode=mode, **options)]


def test_a_listed_host_covers_all_hosts_below_it() -> None:
    urls = [
        "https://half.org/",
        "https://sub.half.org/",
        "https://x.y.sub.half.org/p",
        "https://notsub.half.org/",
    ]
    assert judge(urls, block_hosts=entries("sub.half.org")) == [
        (None, None),
        ("urls.subdomain", "sub.half.org"),
        ("urls.subdomain", "sub.half.org"),
        (None, None),
    ]
    assert rules_of(urls, mode="compat", block_hosts=entries("sub.half.org"))[2] is None


def test_hosts_are_compared_without_case_port_user_and_final_dot() -> None:
    urls = [
        "HTTPS://WWW.Blocked.COM/",
        "//blocked.com:8080/x",
        "http://user:pw@blocked.com.?q",
        "blocked.com/x",
    ]
    assert rules_of(urls, block_hosts=entries("Blocked.com")) == ["urls.domain"] * 4
    assert rules_of(["https://blocked.com.evil.org/", "https://evil.org/?blocked.com", "https://unblocked.com/"],
                    block_hosts=entries("blocked.com")) == [None] * 3  # fmt: skip


def test_international_names_have_one_form() -> None:
    urls = [
        "https://münchen.de/",
        "https://xn--mnchen-3ya.de/",
        "https://M%C3%BCnchen.de/",
        "https://munchen.de/",
    ]
    for listed in ("münchen.de", "xn--mnchen-3ya.de"):
        assert rules_of(urls, block_hosts=entries(listed)) == ["urls.domain"] * 3 + [None]


def test_a_public_suffix_on_a_list_blocks_nothing() -> None:
    for mode in ("strict", "compat"):
        assert rules_of(
            ["https://example.co.uk/", "https://co.uk/"], mode=mode, block_hosts=entries("co.uk")
        ) == [
            None,
            None,
        ]
    assert rules_of(["https://a.github.io/"], block_hosts=entries("github.io")) == ["urls.domain"]


def test_a_path_covers_what_begins_with_it() -> None:
    urls = [
        "https://a.org/forum",
        "https://a.org/forum/1?x",
        "https://w.a.org/forum#x",
        "https://a.org/forums",
        "https://a.org/",
    ]
    assert (
        judge(urls, block_hosts=entries("a.org/forum"))
        == [("urls.path", "a.org/forum")] * 3 + [(None, None)] * 2
    )


def test_allowed_hosts_break_no_rule_and_may_be_the_only_ones() -> None:
    urls = ["https://good.bad.org/casino", "https://bad.org/", "https://other.org/", None]
    options = {
        "block_hosts": entries("bad.org"),
        "allow_hosts": entries("good.bad.org"),
        "hard_words": entries("casino"),
    }
    assert rules_of(urls, **options) == [None, "urls.domain", None, None]
    assert rules_of(urls, allow_only=True, **options) == [None, "urls.allow_only", "urls.allow_only", None]


def test_words_are_found_in_any_writing() -> None:
    urls = [
        "https://ok.org/CASINO",
        "https://ok.org/%63asino",
        "https://ok.org/ｃａｓｉｎｏ",
        "https://ok.org/казино-1",
        "https://ok.org/casinos",
    ]
    assert rules_of(urls, hard_words=entries("casino", "Казино")) == ["urls.hard_words"] * 4 + [None]


def test_soft_words_count_once_each() -> None:
    rules = UrlRules(UrlOptions(soft_words=entries("bet", "win")))
    found = judge_urls(
        pl.Series(["https://ok.org/bet/bet", "https://ok.org/win_Bet", "https://ok.org/betwin"]), rules
    )
    assert found.rows() == [(None,) * 4, ("urls.soft_words", 2.0, 1.0, "bet, win"), (None,) * 4]


def test_subwords_are_found_across_marks() -> None:
    assert judge(["https://ok.org/a/por-n_hub"], subwords=entries("pornhub")) == [
        ("urls.subwords", "pornhub")
    ]


def test_the_first_rule_gives_the_reason() -> None:
    options = {
        "block_hosts": entries("a.org"),
        "block_urls": entries("https://b.org/x"),
        "hard_words": entries("x"),
    }
    assert rules_of(["https://a.org/x", "https://b.org/x", "https://c.org/x"], **options) == [
        "urls.domain",
        "urls.url",
        "urls.hard_words",
    ]


def test_addresses_and_shorteners_go_where_asked() -> None:
    urls = [
        "http://8.8.8.8/",
        "http://[2606:4700::1111]:80/",
        "http://2130706433/",
        "http://0x7f000001/",
        "http://8.8.8.8.com/",
        "https://bit.ly/x",
        "https://1.fm/",
    ]
    assert rules_of(urls, drop_ip_hosts=True, drop_shorteners=True) == [
        *["urls.ip_hosts"] * 4,
        None,
        "urls.shorteners",
        None,
    ]
    assert rules_of(urls) == [None] * 7
    assert rules_of(
        ["https://bit.ly/", "https://my.sh/"], drop_shorteners=True, shorteners=entries("my.sh")
    ) == [
        None,
        "urls.shorteners",
    ]


def test_a_missing_url_is_kept_unless_asked() -> None:
    assert rules_of([None, ""], block_hosts=entries("a.org")) == [None, None]
    assert rules_of([None, "", "https://a.org"], drop_missing=True) == ["urls.missing", "urls.missing", None]


def test_lists_are_read_from_files(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("# comment\n\n a.org \r\n", encoding="utf-8")
    (tmp_path / "b.gz").write_bytes(gzip.compress(b"b.org\n"))
    options = UrlOptions(block_hosts=EntryListOptions(entries=("c.org",), files=("a.txt", "b.gz")))
    urls = pl.Series(["https://a.org", "https://b.org", "https://c.org", "https://d.org"])
    found = judge_urls(urls, UrlRules(options, folder=tmp_path))["rule"].to_list()
    assert found == ["urls.domain"] * 3 + [None]


def test_a_list_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    (tmp_path / "bad.gz").write_bytes(b"no gzip")
    (tmp_path / "latin.txt").write_bytes(b"\xff\xfe")
    for name in ("bad.gz", "latin.txt"):
        options = UrlOptions(block_hosts=EntryListOptions(files=(name,)))
        with pytest.raises(RecipeError, match=rf"filter\.urls\.block_hosts\.files: '{name}' cannot be read"):
            UrlRules(options, folder=tmp_path)
    with pytest.raises(RecipeError, match="no such file"):
        UrlRules(UrlOptions(block_hosts=EntryListOptions(files=("none",))), folder=tmp_path)


def test_many_hosts_are_all_found() -> None:
    listed = [f"host{number}.example-{number % 7}.com" for number in range(5000)]
    rules = UrlRules(UrlOptions(block_hosts=EntryListOptions(entries=tuple(listed))))
    urls = [f"https://{name}/" for name in listed] + [f"https://no{name}/" for name in listed]
    found = judge_urls(pl.Series(urls), rules)
    assert found["rule"].null_count() == 5000
    assert found["detail"][:5000].to_list() == listed
    assert rules.blocked is not None
    assert rules.blocked.table.n_bytes < 60 * 5000


PIECES = (
    "https://",
    "//",
    "user@",
    "a.org",
    "A.ORG",
    "sub.",
    "münchen.de",
    "[::1]",
    ":80",
    "/",
    "?",
    "%2F",
    "casino",
    "bet",
    "-",
    "。",
    "\t",
    "é",
    "co.uk",
)
OPTIONS = UrlOptions(
    block_hosts=entries("a.org", "sub.b.org", "a.org/x"), hard_words=entries("casino"), soft_words=entries("bet", "a"),
    subwords=entries("orgbet"), drop_ip_hosts=True, drop_shorteners=True,
)  # fmt: skip


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.lists(st.sampled_from(PIECES), max_size=7).map("".join) | st.text(max_size=12), max_size=8)
)
def test_a_verdict_depends_on_its_url_alone(urls: list[str]) -> None:
    for mode in ("strict", "compat"):
        rules = UrlRules(OPTIONS, mode=mode)
        together = judge_urls(pl.Series(urls, dtype=pl.String), rules).rows()
        assert together == [judge_urls(pl.Series([url]), rules).row(0) for url in urls]

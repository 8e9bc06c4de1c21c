"""Golden cases of the URL rules and of the masking of personal data, in compat mode; part of the topic `filters`."""

from __future__ import annotations

from typing import Any

import polars as pl

from gristmill.filter.options import EntryListOptions, PiiOptions, UrlOptions
from gristmill.filter.pii import Rotation, mask_compat, mask_pii
from gristmill.filter.urls import UrlRules, judge_urls
from tests.golden.harness import Case, Golden

_REASONS = {
    None: None,
    "urls.domain": "domain",
    "urls.subdomain": "subdomain",
    "urls.url": "url",
    "urls.hard_words": "hard_blacklisted",
    "urls.soft_words": "soft_blacklisted",
    "urls.subwords": "blacklisted_subword",
}


def _judge_url(case: Case) -> dict[str, Any]:
    given = case["input"]["config"]

    def entries(name: str) -> EntryListOptions | None:
        return EntryListOptions(entries=tuple(given[name])) if given[name] else None

    options = UrlOptions(
        block_hosts=entries("extra_domains"),
        block_urls=entries("extra_urls"),
        hard_words=entries("banned_words"),
        soft_words=entries("soft_banned_words"),
        subwords=entries("banned_subwords"),
        soft_threshold=given["soft_word_threshold"],
    )
    rule = judge_urls(pl.Series([case["input"]["url"]]), UrlRules(options, mode="compat"))["rule"].item()
    return {"expected": {"keep": rule is None, "reason": _REASONS[rule]}}


def _mask(case: Case) -> dict[str, Any]:
    default, all_ips = PiiOptions(), PiiOptions(public_ips_only=False)
    if "texts" in case["input"]:
        rotation = Rotation()
        masked = [mask_compat(text, default, rotation)[0] for text in case["input"]["texts"]]
        return {"expected": {"one_instance_in_order": masked}}

    def mask(options: PiiOptions) -> str:
        texts, _ = mask_pii(pl.Series(["d"]), pl.Series([case["input"]["text"]]), options, mode="compat")
        return str(texts.item())

    return {"expected": {"default": mask(default), "all_ips": mask(all_ips)}}


FILES = {
    "url_filter": Golden(compute=_judge_url, fields={"expected.keep", "expected.reason"}),
    "pii": Golden(
        compute=_mask, fields={"expected.default", "expected.all_ips", "expected.one_instance_in_order"}
    ),
}

from __future__ import annotations

import json

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from gristmill.documents import DECISIONS, DOCUMENTS, check_conservation, check_schema
from gristmill.filter import VERSION, FilterOptions, filter_documents, measures_schema
from gristmill.filter.options import (
    C4Options,
    C4ParagraphOptions,
    FineWebOptions,
    LanguageOptions,
    UserRuleOptions,
)
from gristmill.hashing import digest_json
from tests.filter.texts import GOOD, language_model, table

MODEL = language_model()
TEXTS = st.lists(
    st.sampled_from([GOOD, GOOD + "\n" + GOOD, "short", "", "# # # #", "Гора и река. " * 30, "ab\n" * 60])
    | st.none()
    | st.text(max_size=30),
    max_size=10,
)


def test_kept_documents_have_their_language_and_everything_else_unchanged() -> None:
    documents = table([GOOD, "too short"])
    filtered = filter_documents(documents, FilterOptions(), language_model=MODEL)
    assert filtered.documents["id"].to_list() == ["d0"]
    assert filtered.documents["lang"].to_list() == ["en"]
    unchanged = [name for name in DOCUMENTS if name not in ("lang", "lang_score")]
    assert filtered.documents.select(unchanged).equals(documents.head(1).select(unchanged))


def test_measures_are_there_for_dropped_documents_too() -> None:
    filtered = filter_documents(table(["ab " * 60, ""]), FilterOptions(), language_model=MODEL)
    assert filtered.documents.height == 0
    assert filtered.measures["id"].to_list() == ["d0", "d1"]
    assert filtered.measures["n_words"].to_list() == [60, 0]
    assert filtered.measures["lang"].is_null().to_list() == [False, True]


def test_a_document_in_another_language_is_dropped_by_name() -> None:
    options = FilterOptions(language=LanguageOptions(languages=("de",)))
    (decision,) = filter_documents(table([GOOD]), options, language_model=MODEL).decisions.to_dicts()
    assert (decision["action"], decision["rule"], decision["detail"]) == (
        "drop",
        "language.languages",
        "language en",
    )


@settings(max_examples=30, deadline=None)
@given(TEXTS, st.integers(0, 10), st.sampled_from(["strict", "compat"]))
def test_no_row_is_lost_and_batches_order_and_threads_change_nothing(
    texts: list[str | None], cut: int, mode: str
) -> None:
    options = FilterOptions(
        mode=mode,
        c4=C4Options(min_sentences=1),
        c4_paragraph=C4ParagraphOptions(min_paragraphs=1),
        fineweb=FineWebOptions(),
        rules=(UserRuleOptions(name="some", keep="n_words > 3"),),
    )
    documents = table(texts)
    whole = filter_documents(documents, options, language_model=MODEL, threads=3)
    check_schema(whole.documents, DOCUMENTS, "documents")
    check_schema(whole.decisions, DECISIONS, "decisions")
    check_schema(whole.measures, measures_schema(options), "measures")
    check_conservation(documents.height, whole.documents, whole.decisions, "filtered")
    assert whole.decisions["id"].equals(documents["id"])
    assert whole.measures["id"].equals(documents["id"])

    pieces = [
        filter_documents(piece, options, language_model=MODEL)
        for piece in (documents.head(cut), documents.slice(cut))
    ]
    backwards = filter_documents(documents.reverse(), options, language_model=MODEL)
    for name in ("documents", "decisions", "measures"):
        assert pl.concat([getattr(piece, name) for piece in pieces]).equals(getattr(whole, name))
        assert getattr(backwards, name).reverse().equals(getattr(whole, name))

    dropped = whole.decisions.filter(pl.col("action") == "drop")
    assert dropped["rule"].null_count() == dropped["value"].null_count() == 0


def test_output_changes_only_with_the_version() -> None:
    texts = [
        GOOD,
        GOOD + "\n\n" + GOOD,
        "• one...\r\n• two…\n" * 30,
        "x",
        "Die Mühle steht am Fluss. " * 20,
        "#a " * 50,
    ]
    digests = {}
    for mode in ("strict", "compat"):
        found = filter_documents(table(texts), FilterOptions(mode=mode), language_model=MODEL)
        rows = [
            json.loads(getattr(found, name).write_json()) for name in ("documents", "decisions", "measures")
        ]
        digests[mode] = digest_json(_rounded(rows))
    assert VERSION == 2
    assert digests == {
        "strict": "2e666c29fa78340ed67a2b9496a82275",
        "compat": "9758a69e81b15069941eae3bce5a2ba5",
    }


def _rounded(value: object) -> object:
    if isinstance(value, float):
        return round(value, 6)
    if isinstance(value, list):
        return [_rounded(inner) for inner in value]
    return {key: _rounded(inner) for key, inner in value.items()} if isinstance(value, dict) else value

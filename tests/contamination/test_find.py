from __future__ import annotations

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gristmill.contamination import (
    BenchmarkOptions,
    ContaminationOptions,
    Index,
    Item,
    build_index,
    check_contamination,
    find_items,
)
from gristmill.documents import DECISIONS, DOCUMENTS, check_schema, empty

QUESTION = (
    "A merchant wants to make a choice of purchase between 2 purchase plans: jewelry worth $5,000 or electronic "
    "gadgets worth $8,000. His financial advisor speculates that the jewelry market will go up 2.5% while the "
    "electronic gadgets market will rise 1.2% within the same month."
)
ITEMS = [
    Item("gsm", "gsm/0", QUESTION, "Jewelry gains 125 dollars, gadgets gain 96 dollars."),
    *(
        Item(
            "bbh",
            f"bbh/{i}",
            f"{name} lies. Does {name} tell the truth? Answer the question with yes or no.",
            "No",
        )
        for i, name in enumerate(("Osvaldo", "Fletcher", "Teressa", "Michael"))
    ),
    Item(
        "arc",
        "arc/0",
        "What is rust?",
        "Iron that has reacted with oxygen",
        ("Iron that has reacted with oxygen",),
    ),
    Item("tiny", "tiny/0", "2 + 2 =", "4"),
]
PROSE = (
    "The miller opened the sluice before dawn, and the great wheel began to turn. Grain came by the cartload from the "
    "villages along the river, and every sack was weighed, named in the ledger and set down by the stones. "
)


def options(**given: object) -> ContaminationOptions:
    return ContaminationOptions.model_validate({"benchmarks": {"x": {"path": "x"}}, **given})


INDEX = build_index(ITEMS, options())


def documents(*texts: str) -> pl.DataFrame:
    rows = [
        {"id": f"{i:032x}", "text": text, "source": "s", "shard": "s-0001"} for i, text in enumerate(texts)
    ]
    return pl.concat(
        [empty(DOCUMENTS), pl.DataFrame(rows, schema_overrides={"text": pl.String})], how="diagonal"
    )


def found(text: str, index: Index = INDEX) -> list[str]:
    return find_items(documents(text), index)["item"].unique(maintain_order=True).to_list()


def test_an_item_is_found_in_any_dress_with_its_place() -> None:
    text = f"{PROSE}\n\n**Q7.** {QUESTION.upper()}\n\n{PROSE}"
    (row,) = find_items(documents(text), INDEX).to_dicts()
    assert (row["benchmark"], row["item"], row["share"]) == ("gsm", "gsm/0", 1.0)
    assert text[row["start"] : row["end"]] == QUESTION.upper().removesuffix(".")
    assert row["text"] == QUESTION.upper()[:300].removesuffix(".")


def test_edited_words_and_a_cut_in_the_middle_do_not_hide_an_item() -> None:
    edited = (
        QUESTION.replace("merchant", "trader")
        .replace("financial advisor", "broker")
        .replace("gadgets", "toys", 1)
    )
    assert found(f"{PROSE}{edited}") == ["gsm/0"]
    half = QUESTION.index("His financial")
    apart = find_items(documents(QUESTION[:half] + PROSE + QUESTION[half:]), INDEX)
    assert apart["item"].to_list() == ["gsm/0", "gsm/0"]  # a row for each stretch


def test_half_of_a_long_item_is_needed() -> None:
    words = QUESTION.split()
    assert found(PROSE + " ".join(words[: len(words) * 2 // 3])) == ["gsm/0"]
    assert found(PROSE + " ".join(words[: len(words) // 3])) == []


def test_wording_that_many_items_share_is_no_item() -> None:
    assert found(PROSE + "Does he tell the truth? Answer the question with yes or no.") == []
    assert found(
        PROSE + "Osvaldo lies. Does Osvaldo tell the truth? Answer the question with yes or no."
    ) == ["bbh/0"]


def test_a_short_item_needs_its_choices_or_answer() -> None:
    assert found(PROSE + "What is rust? Many have asked.") == []
    assert found(PROSE + "What is rust? A. Iron that has reacted with oxygen") == ["arc/0"]


def test_what_is_too_short_to_tell_is_said_to_be_undetectable() -> None:
    assert [item.id for item, can in zip(ITEMS, INDEX.detectable, strict=True) if not can] == ["tiny/0"]
    assert found(PROSE + "2 + 2 = 4") == []


def test_clean_text_and_empty_text_have_nothing() -> None:
    assert find_items(documents(PROSE, "", "2"), INDEX).is_empty()
    assert find_items(documents(), INDEX).is_empty()


@pytest.mark.parametrize("action", ["drop", "cut", "flag"])
def test_what_becomes_of_a_contaminated_document(action: str) -> None:
    texts = (PROSE, f"{PROSE}{QUESTION} {PROSE}")
    checked = check_contamination(documents(*texts), INDEX, options(action=action))
    check_schema(checked.decisions, DECISIONS, action)
    check_schema(checked.documents, DOCUMENTS, action)
    expected = {"drop": "drop", "cut": "edit", "flag": "keep"}[action]
    assert checked.decisions["action"].to_list() == ["keep", expected]
    assert checked.decisions["rule"].to_list() == [None, "contaminated"]
    assert checked.decisions["detail"].to_list() == [None, '{"items": ["gsm/0"]}']
    kept = {"drop": [texts[0]], "flag": list(texts), "cut": [texts[0], f"{PROSE}. {PROSE.strip()}"]}[action]
    assert checked.documents["text"].to_list() == kept
    assert checked.evidence.height == 1


def test_a_document_that_is_little_more_than_the_item_is_dropped_even_where_items_are_cut() -> None:
    checked = check_contamination(documents(f"Here: {QUESTION}"), INDEX, options(action="cut"))
    assert checked.decisions["action"].to_list() == ["drop"]
    assert checked.documents.is_empty()


def test_more_hits_than_there_is_room_for_are_all_found() -> None:
    many = [Item("m", f"m/{i}", " ".join(f"w{i}x{j}" for j in range(12))) for i in range(1500)]
    index = build_index(many, options())
    assert len(found("\n\n".join(item.question for item in many), index)) == 1500


@settings(max_examples=30, deadline=None)
@given(st.permutations(range(6)), st.integers(1, 5))
def test_rows_do_not_depend_on_order_or_batches(order: list[int], size: int) -> None:
    texts = [PROSE, QUESTION, f"{PROSE}{QUESTION}", "", "Osvaldo lies. " * 3, f"{QUESTION}\n{PROSE}"]
    everything = documents(*texts)
    whole = check_contamination(everything, INDEX, options())
    shuffled = everything[order]
    parts = [check_contamination(shuffled[i : i + size], INDEX, options()) for i in range(0, 6, size)]
    for name in ("documents", "decisions", "evidence"):
        together = pl.concat([getattr(part, name) for part in parts]).sort("id", maintain_order=True)
        assert together.equals(getattr(whole, name).sort("id", maintain_order=True))


def test_an_unknown_shape_of_options_is_refused() -> None:
    assert BenchmarkOptions(path="x").fields == {}
    with pytest.raises(ValueError, match="benchmarks"):
        ContaminationOptions.model_validate({"benchmarks": {}})

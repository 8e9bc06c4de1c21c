from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gristmill.rephrase.acceptance import (
    REASONS,
    Verdict,
    judge,
    reject_other_languages,
    words,
)
from gristmill.rephrase.options import AcceptanceOptions
from gristmill.rephrase.proportions import distinct_ratio
from gristmill.rephrase.styles import packaged_template

SOURCE = (
    "The mill at Eling was built in 1785 and grinds wheat with the falling tide. Visitors may turn the "
    "wheel on two days of the week, but only while the keeper, Ann Lowe, is there."
)
GOOD = (
    "Erected in 1785, Eling's tide mill uses ebbing water to make flour. Twice weekly guests can operate "
    "its wheel, provided that Ann Lowe, who keeps it, attends."
)
PAIRS = (
    "Question: When was Eling's mill erected?\nAnswer: In 1785.\n\n"
    "Question: Who must attend when guests operate the wheel?\nAnswer: Ann Lowe, who keeps it."
)


def _reason(generated: str, *, style: str = "medium", finish: str = "stop", **options: Any) -> str | None:
    chosen = AcceptanceOptions.model_validate(options)
    return judge(generated, SOURCE, packaged_template(style), finish_reason=finish, options=chosen).reason


def test_a_sound_rephrasing_is_accepted_unchanged() -> None:
    verdict = judge(GOOD, SOURCE, packaged_template("medium"), options=AcceptanceOptions())
    assert verdict == Verdict(GOOD, None, (), 1.0)


def test_sound_pairs_are_accepted() -> None:
    verdict = judge(PAIRS, SOURCE, packaged_template("qa"), options=AcceptanceOptions())
    assert (verdict.reason, verdict.text) == (None, PAIRS)


def test_repairs_are_made_in_order_and_named() -> None:
    generated = f'Sure!\n\n```\n"{GOOD.replace("1785", "**1785**")}"\n```\n\nI hope this helps!'
    verdict = judge(generated, SOURCE, packaged_template("medium"), options=AcceptanceOptions())
    assert verdict.text == GOOD
    assert verdict.reason is None
    assert verdict.repairs == ("preface", "closing", "fence", "quotes", "bold")


@pytest.mark.parametrize(
    ("generated", "reason"),
    [
        ("", "empty"),
        (" \n", "empty"),
        ("Here is a paraphrased version:", "empty"),
        ("I cannot rewrite this passage, sorry.", "refusal"),
        (GOOD + "<|im_end|>", "template_leak"),
        ("# The mill\n\n" + GOOD, "markdown"),
        (GOOD.removesuffix("attends.") + "att", "incomplete"),
        ("A mill.", "ratio"),
        (GOOD * 6, "ratio"),
        (SOURCE, "copied"),
        (SOURCE.replace("turn", "spin"), "copied"),
        ("The mill makes flour. " * 8, "loop"),
        (GOOD.replace("1785", "1875"), "novel_number"),
        (GOOD.replace("Ann Lowe", "Ruth Garrow"), "novel_name"),
        (GOOD + " See https://eling.example for more.", "novel_url"),
        (
            "What is asked for cannot be written here. A short general list of old machines, towns, songs could be.",
            "unrelated",
        ),
    ],
)
def test_each_fault_has_its_reason(generated: str, reason: str) -> None:
    assert _reason(generated) == reason
    assert reason in REASONS


def test_a_length_limit_makes_an_answer_incomplete_before_all_else() -> None:
    assert _reason(GOOD, finish="length") == "incomplete"


def test_pairs_that_the_length_limit_cut_are_incomplete_too() -> None:
    assert _reason(PAIRS, style="qa", finish="length") == "incomplete"


def test_an_answer_may_be_copied_and_all_answers_together_not_the_passage() -> None:
    first, second = SOURCE.split(". ", 1)
    pair = f"Question: What is told of the mill, the oldest of its kind on this part of the coast?\nAnswer: {first}."
    rest = f"Question: And what of those who come to see it and want to try something?\nAnswer: {second}"
    off: dict[str, Any] = {"max_copied_run": None, "max_copied_8grams": None}
    assert _reason(pair, style="qa", **off) is None
    assert _reason(f"{pair}\n{rest}", style="qa", **off) == "copied"


def test_an_answer_in_the_words_of_its_question_is_no_loop_and_a_repeated_answer_is() -> None:
    stem = "guests may operate the wheel of the tide mill at Eling"
    pair = f"Question: On how many days of a week is it that {stem}?\nAnswer: Twice weekly {stem}."
    assert _reason(pair, style="qa", max_copied_8grams=None) is None
    answer = f"The keeper says that {stem} while she is there herself."
    pairs = "\n".join(f"Question: {word} says so?\nAnswer: {answer}" for word in ("Who", "When", "Why"))
    assert _reason(pairs, style="qa") == "loop"


def test_words_from_memory_can_be_bounded() -> None:
    memory = "Tide mills belong to the oldest machines; medieval monasteries owned several along many coasts."
    anything = {"min_shared_words": None, "min_dropped_words": None}
    assert _reason(memory) == "unrelated"
    assert _reason(memory, statements=anything) is None
    assert _reason(memory, max_novel_words=0.8, statements=anything) == "novel_words"
    assert _reason(PAIRS, style="qa", max_novel_words=0.8) is None


@pytest.mark.parametrize(
    "pair",
    [
        "Question: Who owns mills?\nAnswer: Medieval monasteries owned several.",
        "Question: Who may turn the wheel?\nAnswer: It is so that you may turn the wheel.",
    ],
)
def test_pairs_that_are_not_from_the_passage_are_dropped_where_words_are_bounded(pair: str) -> None:
    options = AcceptanceOptions(max_novel_words=0.8)
    verdict = judge(f"{PAIRS}\n\n{pair}", SOURCE, packaged_template("qa"), options=options)
    assert (verdict.reason, verdict.text, verdict.repairs) == (None, PAIRS, ("ungrounded",))
    assert _reason(pair, style="qa", max_novel_words=0.8) == "novel_words"


@pytest.mark.parametrize("generated", [GOOD, "Question: What?\nQuestion: Who?\nAnswer: Ann Lowe."])
def test_questions_need_answers(generated: str) -> None:
    assert _reason(generated, style="qa") == "qa_format"


def test_a_rule_that_is_off_lets_pass() -> None:
    assert _reason("A mill.", ratio=None, statements={"min_dropped_words": None}) is None
    by_run = {"max_copied_run": None, "max_copied_words": None}
    by_share = {"max_copied_8grams": None, "max_copied_of_passage": None}
    options = AcceptanceOptions.model_validate(by_run | by_share)
    assert judge(SOURCE, SOURCE, packaged_template("medium"), options=options).reason is None
    assert _reason(GOOD.replace("1785", "1875"), max_novel_numbers=None) is None
    assert _reason(GOOD.removesuffix("."), final_punctuation=False) is None


def test_ratio_is_wider_for_pairs() -> None:
    long_pairs = (
        PAIRS
        + "\n\nQuestion: What is it that the tide mill makes when water ebbs?\nAnswer: "
        + (
            "Flour out of grain, a use that one may call rather old, since others of its kind have all but "
            "vanished by this time from every shore and creek nearby, with nobody left who would know how to "
            "run them or mend their gates, stones, shafts, cogs and floors once those begin to fail in use."
        )
    )
    assert len(long_pairs) > 3 * len(SOURCE) - 40
    assert _reason(long_pairs, style="qa", ratio_qa=[0.5, 2.0]) == "ratio"
    assert _reason(long_pairs, style="qa") is None


def _identify(texts: list[str]) -> list[tuple[str, float]]:
    return [("de", 0.9) if " und " in text and " die " in text else ("en", 0.9) for text in texts]


def test_another_language_is_rejected_also_in_one_half() -> None:
    german = "Das Wasser fällt und die Mühle mahlt. Heute ist es ruhig, und die Gäste drehen am Rad mit."
    english = "The water is falling now and so the old mill grinds its flour. All is quiet today there."
    verdicts = [Verdict(text, None) for text in (german, english, f"{english} {german}", german)]
    verdicts.append(Verdict(german, "ratio"))
    checked = reject_other_languages(
        verdicts, [SOURCE] * 5, ["en", "en", "en", "de", "en"], _identify, min_score=0.5
    )
    assert [verdict.reason for verdict in checked] == ["language", None, "language", None, "ratio"]


def test_an_unsure_language_is_let_pass() -> None:
    verdicts = [Verdict("Ein und die.", None)]
    checked = reject_other_languages(verdicts, [SOURCE], [None], _identify, min_score=0.95)
    assert checked == verdicts


def test_words_take_east_asian_characters_one_by_one() -> None:
    assert words("The Mill's 粉をひく 2") == ["the", "mill", "s", "粉", "を", "ひ", "く", "2"]
    assert distinct_ratio(["a", "b", "c", "a", "b", "c"]) == 0.75


@settings(deadline=None, max_examples=200)
@given(
    st.one_of(
        st.text(max_size=200),
        st.lists(
            st.sampled_from(
                [
                    *(
                        "Question:",
                        "Answer:",
                        "\n",
                        "\n\n",
                        "```",
                        "**",
                        "Sure!",
                        "<|x|>",
                        "1,2.3",
                        "12/5:",
                        '"',
                    ),
                    *(
                        "Here is a paraphrase:",
                        "hundred",
                        "million",
                        "Ann Lowe",
                        "http://a.b",
                        "|",
                        "- ",
                        "粉",
                    ),
                    *("\ud800", "\x00"),
                ]
            ),
            max_size=30,
        ).map(" ".join),
    ),
    st.sampled_from(["medium", "qa"]),
    st.sampled_from([SOURCE, "", "x"]),
)
def test_no_text_of_a_model_raises(generated: str, style: str, source: str) -> None:
    verdict = judge(generated, source, packaged_template(style), options=AcceptanceOptions())
    assert verdict.reason is None or verdict.reason in REASONS
    assert verdict.reason is not None or verdict.text

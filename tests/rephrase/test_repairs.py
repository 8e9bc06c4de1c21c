from __future__ import annotations

import pytest

from gristmill.rephrase import repairs

SOURCE = "The mill at Eling grinds wheat with the falling tide. Note: the wheel is new."
GOOD = "The mill uses the tide to grind wheat."


@pytest.mark.parametrize(
    ("generated", "expected"),
    [
        (f"```\n{GOOD}\n```", GOOD),
        (f"```text\n{GOOD}\n```", GOOD),
        (f"<passage>\n{GOOD}\n</passage>", GOOD),
        (f"{GOOD}\n```\nx = 1\n```", f"{GOOD}\n```\nx = 1\n```"),
        ("```\na\n```\nb\n```\nc\n```", "```\na\n```\nb\n```\nc\n```"),
    ],
)
def test_only_a_fence_around_everything_is_cut(generated: str, expected: str) -> None:
    assert repairs.strip_fence(generated) == expected


def test_at_most_two_prefaces_are_cut() -> None:
    text, removed, reject = repairs.remove_preface(
        f"Sure!\n\nHere is a paraphrase:\n\nReworded:\n\n{GOOD}", SOURCE
    )
    assert removed == ["Sure!", "Here is a paraphrase:"]
    assert text == f"Reworded:\n\n{GOOD}"
    assert reject is None


def test_a_preface_alone_leaves_nothing() -> None:
    assert repairs.remove_preface("Here is a paraphrased version:", SOURCE)[2] == "empty"


def test_a_sentence_of_the_passage_is_no_preface() -> None:
    source = "Here is a paraphrase of it: the mill turns."
    generated = "Here is a paraphrase of it:\nthe mill revolves."
    assert repairs.remove_preface(generated, source) == (generated, [], None)


def test_a_long_first_paragraph_is_no_preface() -> None:
    generated = "Here is a paraphrase " + "of the text " * 12 + f":\n\n{GOOD}"
    assert repairs.remove_preface(generated, SOURCE)[1] == []


@pytest.mark.parametrize(
    "line",
    ["Here's what it says in small words:", "Voici le texte dans un style simple :", "Hier ist der Text:"],
)
def test_other_announcing_lines_are_cut(line: str) -> None:
    assert repairs.remove_other_preface(f"{line}\n{GOOD}", SOURCE) == GOOD


@pytest.mark.parametrize(
    "remark",
    [
        "I hope this helps!",
        "Let me know if you want it shorter.",
        "This paraphrase keeps all facts.",
        '(Note: "wheel" was chosen as the simpler term.)',
        "I have kept all details of the original.",
        "Ich habe darauf geachtet, den Stil des Originals zu halten.",
        "J'ai veillé à garder un registre soutenu.",
        "Remarque : les chiffres du texte ont été conservés.",
    ],
)
@pytest.mark.parametrize("line_break", ["\n\n", "\n"])
def test_a_closing_remark_is_cut(line_break: str, remark: str) -> None:
    assert repairs.remove_closing_remark(GOOD + line_break + remark, SOURCE) == GOOD


@pytest.mark.parametrize(
    "remark",
    [
        "I hope this helps!",
        "I hope that makes it easier to read. Let me know if you would like it shorter.",
        "N'hésitez pas à me demander une autre version.",
    ],
)
def test_last_sentences_that_speak_to_the_reader_are_cut(remark: str) -> None:
    assert repairs.remove_closing_remark(f"{GOOD} {remark}", SOURCE) == GOOD
    assert repairs.remove_closing_remark(f"{GOOD} {remark}", f"{SOURCE} {remark}") == f"{GOOD} {remark}"


def test_hopes_of_the_subject_stay() -> None:
    text = f"{GOOD} I hope this winter is mild."
    assert repairs.remove_closing_remark(text, SOURCE) == text


@pytest.mark.parametrize(
    "paragraph", ["Note: the wheel is new.", "Note that visitors may turn it.", "It is old."]
)
def test_a_last_paragraph_about_the_subject_stays(paragraph: str) -> None:
    text = f"{GOOD}\n\n{paragraph}"
    assert repairs.remove_closing_remark(text, SOURCE) == text


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('"A mill."', "A mill."),
        ("“A mill.”", "A mill."),
        ('"A" and "B"', '"A" and "B"'),
        ('"', '"'),
        ('""', '""'),
    ],
)
def test_one_pair_of_quotes_around_everything_is_cut(text: str, expected: str) -> None:
    assert repairs.strip_quotes(text) == expected


def test_bold_marks_go_unless_the_passage_has_them() -> None:
    assert repairs.strip_bold("**Mill** in **1902**.", SOURCE) == "Mill in 1902."
    assert repairs.strip_bold("2**3 is **x**", "2**3 is x") == "2**3 is **x**"

from __future__ import annotations

import pytest

from gristmill.rephrase import leaks

SOURCE = "The mill grinds wheat. A sign says: I'm sorry, but I cannot help you today."


@pytest.mark.parametrize(
    "text",
    [
        "I cannot rewrite this passage.",
        "As an AI language model, I must decline.",
        "Question: What?\nAnswer: I'm not able to provide that.",
        "Please provide the text that you want rewritten.",
        "Es tut mir leid, dazu kann ich keine Auskunft geben.",
        "Je ne peux pas reformuler ce texte.",
        "A paraphrase of the lyrics exceeds what can be offered here.",
    ],
)
def test_refusals_are_found_in_several_languages(text: str) -> None:
    assert leaks.finds_refusal(text, "The mill grinds wheat.")


def test_a_refusal_that_the_passage_quotes_is_no_refusal() -> None:
    assert not leaks.finds_refusal("A sign reads: I’m sorry, but I cannot help you.", SOURCE)


def test_a_story_in_the_first_person_is_no_refusal() -> None:
    assert not leaks.finds_refusal("She said that I cannot swim, and I was sorry for it.", "I can't swim.")


@pytest.mark.parametrize(
    "text",
    [
        "The mill turns.<|im_end|>\n<|im_start|>user",
        "[INST] x [/INST] The mill turns.",
        "### Passage:\nThe mill turns.",
        "Assistant: The mill turns.",
        "The mill turns. Keep all numbers, names and dates.",
        "<passage>The mill turns.",
        "This passage is about a mill.",
        "Question: What is the main idea of the passage?\nAnswer: The mill.",
        "The original text is unclear. The mill turns.",
        "For the following paragraph give me a diverse paraphrase. The mill turns.",
        "Formuliere den folgenden Text in einfachen Worten um. Die Mühle dreht sich.",
        "Reformulez le paragraphe suivant. Le moulin tourne.",
        "Choose other words and another sentence structure than the passage.",
    ],
)
def test_marks_headings_and_instructions_are_leaks(text: str) -> None:
    instruction = "Choose other words and another sentence structure than the passage."
    assert leaks.finds_template_leak(text, SOURCE, instruction)


def test_marks_of_the_passage_are_no_leak() -> None:
    assert not leaks.finds_template_leak("Write </s> at the end.", "The tag </s> ends it.", "Rewrite.")
    assert not leaks.finds_template_leak("The passage was narrow.", "It led to the passage.", "Rewrite.")
    assert not leaks.finds_template_leak("The passage of the bill came late.", "It was passed.", "Rewrite.")


@pytest.mark.parametrize(
    "text",
    [
        "# Mill\nIt turns.",
        "- wheat\n- rye",
        "| a | b |",
        "See [here](http://x.org).",
        "A\n```\nb\n```",
        "a\n---\nb",
    ],
)
def test_markdown_is_found_unless_the_passage_has_that_kind(text: str) -> None:
    assert leaks.finds_markdown(text, SOURCE)
    assert not leaks.finds_markdown(text, text)


def test_one_dash_at_the_start_of_a_line_is_no_list() -> None:
    assert not leaks.finds_markdown("He said:\n- no way.\nThen he left.", SOURCE)


@pytest.mark.parametrize(
    "text",
    [
        "Use simple words and short sentences that a toddler would understand. The mill turns.",
        "The mill turns. Schreibe den Absatz in einfachen Worten für ein Kind.",
        "Write in an encyclopedic tone and preserve all facts.",
    ],
)
def test_an_instruction_in_other_words_is_a_leak(text: str) -> None:
    instruction = "Retell it in common words."
    assert leaks.finds_template_leak(text, SOURCE, instruction)
    assert not leaks.finds_template_leak(text, text, instruction)


def test_advice_of_the_passage_is_no_leak() -> None:
    assert not leaks.finds_template_leak(
        "Use a short rope and keep the mill dry.", SOURCE, "Use short words."
    )

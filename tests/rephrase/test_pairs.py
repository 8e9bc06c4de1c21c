from __future__ import annotations

from gristmill.rephrase.pairs import format_pairs, parse_pairs, split_pairs, without_tags


def test_tags_are_read_with_numbers_bullets_case_and_blanks() -> None:
    text = (
        "1. Question 1: What turns?\n- answer : The mill.\nQuestion: Why? Answer: For flour.\n"
        "**Question:** Who?\nAnswer: Ann\nand Bob."
    )
    parsed = parse_pairs(text)
    assert parsed.problem is None
    assert parsed.pairs == [("What turns?", "The mill."), ("Why?", "For flour."), ("Who?", "Ann\nand Bob.")]


def test_a_last_question_without_an_answer_is_dropped_and_named() -> None:
    parsed = parse_pairs("Question: A?\nAnswer: B.\nQuestion: C?\nAnswer:")
    assert parsed == ([("A?", "B.")], None, ("unanswered",))


def test_a_question_without_an_answer_inside_is_a_problem() -> None:
    assert parse_pairs("Question: A?\nQuestion: C?\nAnswer: D.").problem == "unanswered"


def test_text_without_pairs_is_a_problem() -> None:
    assert parse_pairs("The mill turns.").problem == "no_pairs"
    assert parse_pairs("").problem == "no_pairs"
    assert parse_pairs("Question: alone?").problem == "no_pairs"


def test_few_words_before_the_first_question_are_dropped_and_many_are_a_problem() -> None:
    assert parse_pairs("Some questions follow.\nQuestion: A?\nAnswer: B.").repairs == ("preface",)
    assert parse_pairs("word " * 60 + "\nQuestion: A?\nAnswer: B.").problem == "preamble"


def test_a_question_asked_again_is_dropped_with_its_answer() -> None:
    parsed = parse_pairs("Question: What turns?\nAnswer: A mill.\n**Question:** what turns\nAnswer: It does.")
    assert parsed == ([("What turns?", "A mill.")], None, ("repeats",))


def test_an_answer_without_a_word_of_its_own_is_dropped_with_its_question() -> None:
    echo = "Question: How does the mill turn?\nAnswer: How the mill does turn."
    assert parse_pairs(echo).problem == "repeats"
    assert parse_pairs(f"{echo}\nQuestion: Why?\nAnswer: For flour.").pairs == [("Why?", "For flour.")]


def test_questions_and_answers_can_be_read_apart() -> None:
    text = format_pairs([("A?", "B."), ("C?", "D\nE.")])
    assert split_pairs(text) == ("A?\nC?", "B.\nD\nE.")


def test_formatted_pairs_read_back_and_lose_their_tags() -> None:
    pairs = [("A?", "B."), ("C?", "D.")]
    text = format_pairs(pairs)
    assert text == "Question: A?\nAnswer: B.\n\nQuestion: C?\nAnswer: D."
    assert parse_pairs(text).pairs == pairs
    assert without_tags(text) == "A?\nB.\n\nC?\nD."


def test_questions_without_an_answer_are_dropped_where_that_is_asked_for() -> None:
    text = "Question: a?\nQuestion: c?\nAnswer: d"
    assert parse_pairs(text).problem == "unanswered"
    assert parse_pairs(text, drop_incomplete=True) == ([("c?", "d")], None, ("unanswered",))

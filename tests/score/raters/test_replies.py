from __future__ import annotations

import json
import re
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gristmill.llm.requests import LENGTH
from gristmill.llm.shapes import draw_text
from gristmill.score.raters.rater import DATAMAN_SCORES
from gristmill.score.raters.replies import Form, read_reply, reply_constraint
from gristmill.score.raters.scales import Score

FIVE = Score.numbers("score", 0, 5)
TWO = (Score.numbers("clarity", 1, 10), Score.labels("tone", ("dry", "warm, kind")))
FORMS: list[Form] = ["lines", "last_number", "keys", "json"]
GOOD = "B" + "\n3" * 14


def reason(
    reply: str, form: Form, scores: tuple[Score, ...] = (FIVE,), finish_reason: str = "stop"
) -> str | None:
    return read_reply(reply, scores, form, finish_reason=finish_reason).reason


def value(reply: str, form: Form = "last_number") -> object:
    values = read_reply(reply, (FIVE,), form).values
    return None if values is None else values["score"]


@pytest.mark.parametrize(
    ("reply", "why"),
    [
        (GOOD, None),
        (f"  {GOOD}\r\n", None),
        (GOOD + "\n3", "line_count"),
        ("", "line_count"),
        (GOOD.replace("\n", " "), "line_count"),
        (GOOD.replace("B", "b"), "domain"),
        (GOOD.replace("B", "P"), "domain"),
        (GOOD[:-1] + "6", "rating"),
        (GOOD[:-1] + "٣", "rating"),  # Arabic-Indic three
        (GOOD[:-1] + "²", "rating"),
        (GOOD[:-1] + "+3", "rating"),
        (GOOD[:-1] + "3.0", "rating"),
    ],
)
def test_a_reply_of_dataman_has_a_letter_and_fourteen_digits(reply: str, why: str | None) -> None:
    assert reason(reply, "lines", DATAMAN_SCORES) == why


def test_a_reply_of_lines_that_was_cut_is_read_if_it_is_whole() -> None:
    assert reason(GOOD, "lines", DATAMAN_SCORES, LENGTH) is None
    assert reason("Score: 3", "last_number", finish_reason=LENGTH) == "cut"


@pytest.mark.parametrize(
    ("reply", "read"),
    [
        ("It is clear.\nScore: 4", 4),
        ("**Educational score:** 4/5", 4),
        ("There are 3 reasons and 12 examples.\n\nScore: 4 out of 5.", 4),
        ("4", 4),
        ("score=0", 0),
        ("Score: 5/5\nThank you!", 5),
    ],
)
def test_the_number_of_the_last_line_that_has_one_is_read(reply: str, read: int) -> None:
    assert value(reply) == read


@pytest.mark.parametrize(
    ("reply", "why"),
    [
        ("", "no_number"),
        ("four", "no_number"),
        ("Score: 6", "rating"),
        ("Score: -1", "rating"),
        ("Score: 3-4", "rating"),
        ("Score: 4.5", "rating"),
        ("Score: 4½", "rating"),
        ("I gave 3 points.\nScore: ４", "rating"),
        ("Score: 4/10", "rating"),
        ("Score: 85%", "rating"),
        ("GPT4", "rating"),
        ("Score: 4 on a scale of 0 to 5", "several_numbers"),
        ("3 or 4", "several_numbers"),
    ],
)
def test_a_number_that_is_not_plain_is_not_guessed(reply: str, why: str) -> None:
    assert reason(reply, "last_number") == why


@pytest.mark.parametrize(
    ("reply", "why"),
    [
        ("Here you are:\n- **Clarity**: 10/10\n- tone: warm, kind", None),
        ("clarity: 7", "missing"),
        ("clarity: 7\ntone: dry\nCLARITY: 8", "repeated"),
        ("clarity: 11\ntone: dry", "rating"),
        ("clarity: 7\ntone: Dry", "tone"),
    ],
)
def test_lines_of_keys_are_read_once_each(reply: str, why: str | None) -> None:
    assert reason(reply, "keys", TWO) == why


@pytest.mark.parametrize(
    ("reply", "why"),
    [
        ('{"tone": "dry", "clarity": 7, "why": "1"}', None),
        ('{"tone": "dry", "clarity": "7"}', None),
        ('{"tone": "dry", "clarity": true}', "rating"),
        ('{"tone": "dry", "clarity": 7.0}', "rating"),
        ('{"tone": ["dry"], "clarity": 7}', "tone"),
        ('{"tone": "dry", "clarity": 7, "clarity": 8}', "repeated"),
        ('{"clarity": 7}', "missing"),
        ('Sure! {"tone": "dry", "clarity": 7}', "not_json"),
        ("[" * 100_000, "not_json"),
        ("9" * 10_000, "not_json"),
    ],
)
def test_json_is_one_object_with_all_scores(reply: str, why: str | None) -> None:
    assert reason(reply, "json", TWO) == why


@given(st.randoms(use_true_random=False), st.sampled_from(FORMS))
@settings(max_examples=60)
def test_what_a_constraint_allows_is_read(random: object, form: Form) -> None:
    scores = {"lines": DATAMAN_SCORES, "last_number": (FIVE,)}.get(form, TWO)
    text = draw_text(reply_constraint(scores, form, reasoning_words=9), lambda below: random.randrange(below))  # type: ignore[attr-defined]
    reading = read_reply(text, scores, form)
    assert reading.values is not None
    assert list(reading.values) == [score.name for score in scores]


@given(st.lists(st.sampled_from("12345"), min_size=14, max_size=14), st.sampled_from("ABCDEFGHIJKLMNO"))
@settings(max_examples=30)
def test_what_was_written_is_read_back_and_found_in_its_place(ratings: list[str], domain: str) -> None:
    written = [domain, *ratings]
    reply = "\n".join(written)
    reading = read_reply(f"\n {reply} \n", DATAMAN_SCORES, "lines")
    assert reading.values is not None
    assert list(map(str, reading.values.values())) == written
    assert [f"\n {reply}"[place] for place in reading.places.values()] == written


PIECES = st.sampled_from(
    [
        "4",
        "/5",
        "out of 5",
        "Score:",
        "clarity",
        "tone: dry",
        ":",
        "\n",
        " ",
        "\r",
        "{",
        "}",
        '"',
        "A",
        "٣",
        "\x85",
        "½",
        "*",
    ]
)


@given(st.lists(PIECES | st.text(max_size=5), max_size=30).map("".join), st.sampled_from(FORMS))
@settings(max_examples=60)
def test_garbage_is_read_as_an_allowed_value_or_not_at_all(reply: str, form: Form) -> None:
    scores = TWO if form in ("keys", "json") else (FIVE,)
    reading = read_reply(reply, scores, form)
    assert (reading.values is None) == (reading.reason is not None)
    for score in scores if reading.values is not None else ():
        found = str((reading.values or {})[score.name])
        assert found in score.spellings
        if form != "json":
            assert reply[reading.places[score.name] :].startswith(found)


def test_long_garbage_takes_no_long_time() -> None:
    started = time.process_time()
    for piece in (" ", "/", "out of ", "1", "**", "a:", "- ", "\n"):
        for form in FORMS:
            read_reply(piece * 100_000, TWO if form in ("keys", "json") else (FIVE,), form)
    assert time.process_time() - started < 5


def test_the_constraint_of_dataman_is_the_published_form() -> None:
    pattern = reply_constraint(DATAMAN_SCORES, "lines").value
    assert isinstance(pattern, str)
    assert re.fullmatch(pattern, GOOD)
    assert not re.fullmatch(pattern, GOOD + "\n")
    assert pattern == r"[ABCDEFGHIJKLMNO]" + r"\n[12345]" * 14


def test_the_constraint_of_json_names_every_allowed_value() -> None:
    schema = json.loads(str(reply_constraint(TWO, "json").value))
    assert schema["properties"]["clarity"]["enum"] == list(range(1, 11))
    assert schema["required"] == ["clarity", "tone"]

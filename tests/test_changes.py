from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from gristmill.changes import MAX_MARKED_CHARS, Part, changes, cut, mark_changes, one_line, visible


def test_what_a_terminal_acts_on_is_written_out():
    assert visible("\x1b]0;owned\x07\x9b2J") == "\\x1b]0;owned\\x07\\x9b2J"
    assert visible("a\rb\u202egnp.exe") == "a\\x0db\\u202egnp.exe"
    assert visible("half \ud800 pair") == "half \\ud800 pair"


def test_letters_tabs_and_newlines_stay():
    assert visible("Ünïcödé\t数学\n") == "Ünïcödé\t数学\n"


def test_one_line_joins_lines_and_blanks():
    assert one_line(" a\r\n\tb \x1b c ") == "a b \\x1b c"


def test_a_cut_says_how_much_is_missing():
    assert cut("abcdef", 6) == "abcdef"
    assert cut("abc" + "x" * 2000, 3) == "abc … (2,000 more characters)"


def test_a_removed_line_is_marked_with_its_neighbours():
    before = "\n".join(["1", "2", "3", "menu", "4", "5", "6"])
    hunks, rest = changes(before, "\n".join(["1", "2", "3", "4", "5", "6"]), context=1)
    assert [(hunk.skipped, hunk.before, hunk.after) for hunk in hunks] == [
        (
            2,
            (Part("same", "3\n"), Part("removed", "menu\n"), Part("same", "4\n")),
            (Part("same", "3\n"), Part("same", "4\n")),
        )
    ]
    assert rest == 2


def test_inside_a_changed_line_only_the_words_are_marked():
    ((hunk,), _) = changes("the old mill", "the new mill")
    assert hunk.before == (Part("same", "the "), Part("removed", "old"), Part("same", " mill\n"))
    assert hunk.after == (Part("same", "the "), Part("added", "new"), Part("same", " mill\n"))


def test_a_rewritten_stretch_is_marked_as_a_whole():
    ((hunk,), _) = changes("a " + "b c " * 300 + "z", "a " + "d e " * 300 + "z")
    assert [part.kind for part in hunk.before] == ["same", "removed", "same"]
    assert [part.kind for part in hunk.after] == ["same", "added", "same"]


@given(st.text(alphabet="ab \n", max_size=12), st.text(alphabet="ab \n", max_size=12))
def test_without_what_changed_both_sides_are_the_same(before: str, after: str):
    for hunk in changes(before, after)[0]:
        sides = [[part.text for part in side if part.kind == "same"] for side in (hunk.before, hunk.after)]
        assert "".join(sides[0]) == "".join(sides[1])


def test_equal_texts_have_no_changes():
    assert changes("a\nb", "a\nb") == ([], 2)


@given(st.lists(st.sampled_from("abc"), max_size=12), st.lists(st.sampled_from("abc"), max_size=12))
def test_hunks_and_skipped_lines_make_up_the_text(old: list[str], new: list[str]):
    hunks, rest = changes("\n".join(old), "\n".join(new), context=1)
    shown = sum("".join(part.text for part in hunk.before).count("\n") for hunk in hunks)
    skipped = sum(hunk.skipped for hunk in hunks)
    assert shown + skipped + rest == max(1, len(old))


def test_plain_marks_show_both_sides_at_the_first_difference():
    before = "line\n" * 30 + "Menu | Login\nThe old mill grinds.\nEnd"
    after = "line\n" * 30 + "The new mill grinds.\nEnd"
    left, right = mark_changes(before, after, 300)
    assert left.startswith("... ")
    assert right.startswith("... ")
    assert left.endswith("line\n[-Menu | Login\n-]The [-old-] mill grinds.\nEnd")
    assert right.endswith("line\nThe {+new+} mill grinds.\nEnd")


def test_plain_marks_stay_near_their_limit_and_invent_no_change_where_they_are_cut():
    kept = "".join(f"kept line {n}\n" for n in range(3_000))
    left, right = mark_changes("menu\n" * 200 + kept, kept, 300)
    assert left.startswith("[-menu\nmenu")
    assert "characters)" in left
    assert len(left) < 400
    assert "{+" not in right
    left, right = mark_changes("menu\n" + kept, kept, 300)
    assert left.count("[-") == 1
    assert "{+" not in right
    assert len(kept) > MAX_MARKED_CHARS

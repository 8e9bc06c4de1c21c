from __future__ import annotations

import threading

import pytest

from gristmill import progress
from gristmill.progress import Task


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Seconds that `time.monotonic` tells; the test sets them."""
    now = [100.0]
    monkeypatch.setattr("gristmill.progress.time.monotonic", lambda: now[0])
    return now


def test_a_listener_hears_of_start_steps_and_end() -> None:
    heard: list[tuple[int, bool]] = []
    with (
        progress.listening(lambda task: heard.append((task.done, task.finished))),
        progress.task("raw", "web-0001"),
    ):
        progress.advance()
        progress.advance(3)
    assert heard == [(0, False), (1, False), (4, False), (4, True)]


def test_reports_outside_a_task_or_without_a_listener_do_nothing() -> None:
    heard: list[Task] = []
    with progress.listening(heard.append):
        progress.advance()
        progress.expect(3)
    assert heard == []
    with progress.task("raw", "web-0001") as task:
        progress.advance(2)
    assert (task.done, task.finished) == (2, True)


def test_a_task_ends_also_when_its_work_fails() -> None:
    heard: list[bool] = []

    def fail() -> None:
        with progress.task("raw", "web-0001"):
            raise ValueError

    with progress.listening(lambda task: heard.append(task.finished)):
        with pytest.raises(ValueError):
            fail()
        progress.advance()  # belongs to no task any more
    assert heard == [False, True]


def test_a_task_inside_a_task_counts_for_itself() -> None:
    with progress.task("outer", "a") as outer:
        progress.advance()
        with progress.task("inner", "a") as inner:
            progress.advance(5)
        progress.advance()
    assert (outer.done, inner.done) == (2, 5)


def test_two_listeners_hear_the_same() -> None:
    one: list[int] = []
    other: list[int] = []
    with progress.task("raw", "a"), progress.listening(lambda task: one.append(task.done)):
        with progress.listening(lambda task: other.append(task.done)):
            progress.advance()
        progress.advance()
    assert (one, other) == ([1, 2], [1])


def test_runs_in_other_threads_are_kept_apart() -> None:
    heard: list[str] = []

    def work() -> None:
        with progress.task("other", "thread"):
            progress.advance()

    with progress.listening(lambda task: heard.append(task.stage)), progress.task("raw", "a"):
        thread = threading.Thread(target=work)
        thread.start()
        thread.join()
    assert heard == ["raw", "raw"]


def test_rate_and_time_left_follow_the_clock(clock: list[float]) -> None:
    with progress.task("filtered", "web-0001", total=4_000) as task:
        task.started = clock[0]
        assert (task.rate, task.seconds_left) == (0.0, None)
        clock[0] += 4
        progress.advance(1_240)
        assert (task.rate, task.seconds_left) == (310.0, pytest.approx(8.903, abs=0.001))
        assert task.sentence() == "filtered web-0001: 1,240 of 4,000 documents, 310/s, 9 s left"
        progress.advance(5_000)
        assert task.seconds_left == 0.0


def test_without_a_total_no_time_left_is_told(clock: list[float]) -> None:
    with progress.task("raw", "web-0001") as task:
        task.started = clock[0]
        clock[0] += 1
        progress.advance(20)
        assert task.sentence() == "raw web-0001: 20 documents, 20/s"


def test_a_total_that_is_known_later_begins_the_count_anew(clock: list[float]) -> None:
    with progress.task("rephrased", "web-0001", total=30) as task:
        progress.advance(30)
        clock[0] += 10
        progress.expect(50, "requests")
        clock[0] += 2
        progress.advance(10)
        assert task.sentence() == "rephrased web-0001: 10 of 50 requests, 5.0/s, 8 s left"

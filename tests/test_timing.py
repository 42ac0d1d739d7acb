"""Stages that report how long they take."""

from __future__ import annotations

import subprocess
import sys
import threading
import time

import pytest

from loaders.timing import Spent, now, stopwatch, timed


def test_times_are_exclusive_and_add_up() -> None:
    begun = now()
    with stopwatch() as watch, timed("outer"):
        time.sleep(0.02)
        for _ in range(2):
            with timed("inner"):
                time.sleep(0.03)
    whole = now() - begun
    assert set(watch.stages) == {"outer", "inner"}
    assert watch.stages["inner"].wall >= 0.06
    assert watch.stages["outer"].wall >= 0.02
    assert sum(spent.wall for spent in watch.stages.values()) <= whole.wall


def test_sleeping_takes_no_processor_time_and_children_count() -> None:
    with stopwatch() as watch:
        with timed("asleep"):
            time.sleep(0.1)
        with timed("child"):
            subprocess.run([sys.executable, "-S", "-c", "sum(range(3_000_000))"], check=True)
    assert watch.stages["asleep"].cpu < 0.05
    assert watch.stages["child"].cpu > 0.01


def test_a_stage_that_fails_is_timed_and_lets_the_error_through() -> None:
    with stopwatch() as watch:
        with pytest.raises(ZeroDivisionError), timed("bad"):
            1 / 0  # noqa: B018
        with timed("next"):
            pass
    assert set(watch.stages) == {"bad", "next"}


def test_nobody_listens() -> None:
    with timed("unheard"):
        pass
    with stopwatch() as watch:
        pass
    with timed("late"):
        pass
    assert watch.stages == {}


def test_other_threads_are_not_heard() -> None:
    def work() -> None:
        with timed("elsewhere"):
            pass

    with stopwatch() as watch:
        thread = threading.Thread(target=work)
        thread.start()
        thread.join()
    assert watch.stages == {}


def test_spent_is_a_sum() -> None:
    assert Spent(1.0, 2.0) + Spent(0.5, 0.25) - Spent(1.5, 2.25) == Spent()

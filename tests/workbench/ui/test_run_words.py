"""What the page says of a run while it goes, and of two versions."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from storage.records import Run, Trial, Version
from tests.workbench.chart_data import history, measures
from workbench.training.spec import TrainingSpec
from workbench.ui.status_bar import run_status_html
from workbench.ui.tabs.models.html import comparison_html
from workbench.ui.tabs.train.html import active_html
from workbench.ui.tabs.train.queue import runs_html
from workbench.ui.tabs.train.trials import trials_html


def run(epoch: int, step: int, monitor: str = "val_macro_f1") -> Run:
    rate, left = (None, None) if (epoch, step) == (1, 1) else (120.0, 60.0)
    progress = {
        "epoch": epoch, "epochs": 9, "step": step, "steps": 5, "pictures_per_second": rate, "eta_seconds": left,
    }  # fmt: skip
    spec: dict[str, Any] = {"epochs": 9, "monitor": monitor}
    return Run(
        1, 1, spec, "running", "training", progress, False, None, None, None, None, None, None, "", None, None,
        1.0, False, None, "local",
    )  # fmt: skip


def test_before_a_second_step_there_is_no_speed_and_no_time_left() -> None:
    assert "pictures/s" not in active_html(run(1, 1), [])
    assert "at most 1 min" not in active_html(run(1, 1), [])
    assert "left" not in run_status_html(run(1, 1))
    assert "120 pictures/s" in active_html(run(1, 2), [])
    assert "at most 1 min" in active_html(run(2, 1), [])
    assert "1 min left at most" in run_status_html(run(2, 1))


def test_a_phase_without_epochs_says_how_much_of_it_is_done() -> None:
    going = replace(
        run(1, 1),
        phase="features",
        progress={"done": 120, "total": 480, "cpu_percent": 180.0, "memory_mb": 1200.0},
    )
    html = active_html(going, [])
    assert "Run 1: Looking at the pictures" in html
    assert "120 of 480" in html
    assert "value='0.250'" in html
    assert "epoch" not in html
    assert "180 % of a core" in html
    assert "1.2 GB" in html
    assert "width:25%" in run_status_html(going)


def test_what_waits_can_be_moved_within_its_line_and_what_is_paused_can_go_on() -> None:
    runs = [
        replace(run(1, 1), id=number, status="queued", spec=TrainingSpec().to_dict()) for number in (4, 5, 6)
    ]
    html = runs_html([*runs, replace(runs[0], id=2, status="paused")], {}, frozenset({2}))
    assert "waiting, 2 of 3" in html
    for words in (
        "Move up run 5",
        "Move down run 5",
        "Move down run 4",
        "Move up run 6",
        "Cancel run 6",
        "Resume run 2",
    ):
        assert words in html
    for words in ("Move up run 4", "Move down run 6", "Resume run 4", "Cancel run 2"):
        assert words not in html


def tried(number: int, status: str, score: float | None) -> Trial:
    metrics = {} if score is None else {"macro_f1": score, "chosen": score == 0.8}
    return Trial(1, number, f"try <{number}>", {}, status, metrics, 12.0)


def test_a_search_says_how_many_tries_are_over_and_not_the_epochs_of_one() -> None:
    going = replace(run(2, 1), phase="searching", spec=TrainingSpec.of("best").to_dict())
    trials = [tried(1, "finished", 0.5), tried(2, "running", None), tried(3, "waiting", None)]
    html = active_html(going, [], trials)
    assert "1 of 3" in html
    assert "at most 1 min" in html
    assert "value='0.250'" in html
    assert "epoch" not in html
    assert "Trying settings 1 min left at most" in run_status_html(going)
    features = active_html(
        replace(going, progress={"done": 120, "total": 480, "eta_seconds": 3.0}), [], trials
    )
    assert "120 of 480" in features
    assert "3 s" not in features


def test_what_a_search_had_no_time_for_was_not_beaten() -> None:
    assert "others did better" in trials_html([tried(1, "dropped", 0.5)])
    html = trials_html([tried(1, "dropped", None)])
    assert "0 of 1 were tried" in html
    assert "not tried" in html
    assert "others did better" not in html


def test_the_tries_of_a_search_stand_with_the_chosen_one_first() -> None:
    html = trials_html([tried(1, "dropped", 0.5), tried(2, "finished", 0.8), tried(3, "waiting", None)])
    assert html.index("try &lt;2&gt;") < html.index("try &lt;1&gt;") < html.index("try &lt;3&gt;")
    assert "2 of 3 were tried" in html
    assert html.count(">chosen<") == 1
    assert trials_html([]) == ""


def test_the_best_epoch_so_far_is_the_one_that_a_stop_would_keep() -> None:
    lucky = history([0.1, 0.5, 0.5, 0.5])
    assert "2 · validation macro-F1 0.5" in active_html(run(5, 1), lucky)
    assert "1 · validation loss 0.1" in active_html(run(5, 1, "val_loss"), lucky)


def version(number: int, macro_f1: float, accuracy: float) -> Version:
    metrics = measures({"Full": accuracy}, macro_f1, accuracy=accuracy)
    return Version(number, 1, 1, {"snapshot": "a" * 64, "metrics": metrics}, "", (), "")


def test_differences_have_a_sign_only_where_there_is_one_and_agree_with_the_figures() -> None:
    html = comparison_html(version(1, 0.2976, 0.40), version(2, 0.2761, 0.41), {})
    assert ">−0.022<" in html
    assert ">+1 point<" in html
    same = comparison_html(version(1, 0.2976, 0.4), version(2, 0.2976, 0.4), {})
    assert "+0" not in same
    assert ">0 points<" in same

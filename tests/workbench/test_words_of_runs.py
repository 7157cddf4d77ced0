"""What the page says of a run while it goes, and of two versions."""

from __future__ import annotations

from typing import Any

from storage.records import Run, Version
from tests.workbench.chart_data import history, measures
from workbench.ui.strip import facts_of_run
from workbench.ui.tabs.models_view import comparison_html
from workbench.ui.tabs.train_view import active_html


def run(epoch: int, step: int, monitor: str = "val_macro_f1") -> Run:
    rate, left = (None, None) if (epoch, step) == (1, 1) else (120.0, 60.0)
    progress = {
        "epoch": epoch, "epochs": 9, "step": step, "steps": 5, "pictures_per_second": rate, "eta_seconds": left,
    }  # fmt: skip
    spec: dict[str, Any] = {"epochs": 9, "monitor": monitor}
    return Run(
        1, 1, spec, "running", "training", progress, False, None, None, None, None, None, None, "", None, None
    )


def test_before_a_second_step_there_is_no_speed_and_no_time_left() -> None:
    assert "pictures/s" not in active_html(run(1, 1), [])
    assert "at most 1 min" not in active_html(run(1, 1), [])
    assert "left" not in facts_of_run(run(1, 1))
    assert "120 pictures/s" in active_html(run(1, 2), [])
    assert "at most 1 min" in active_html(run(2, 1), [])
    assert "1 min left at most" in facts_of_run(run(2, 1))


def test_the_best_epoch_so_far_is_the_one_that_a_stop_would_keep() -> None:
    lucky = history([0.1, 0.5, 0.5, 0.5])
    assert "4 · validation macro-F1 0.5" in active_html(run(5, 1), lucky)
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

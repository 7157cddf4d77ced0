from dataclasses import asdict
from math import inf
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.workbench.chart_data import history
from tests.workbench.training.engine.test_train import Recorder, spec, workplace
from tests.workbench.training_data import bars
from workbench.evaluation.best_epoch import BestEpoch, best_so_far
from workbench.training.engine.train import train

MONITORS = ("val_loss", "val_macro_f1")


def test_of_macro_f1_a_lucky_first_epoch_is_not_kept() -> None:
    epochs = history([0.1, 0.5, 0.5, 0.5])
    assert [row["val_macro_f1"] for row in epochs] == [0.9, 0.5, 0.5, 0.5]
    kept = best_so_far(epochs, "val_macro_f1")
    assert kept is not None
    assert kept["epoch"] == 2


def test_of_equal_epochs_the_first_is_kept_and_the_others_are_no_improvement() -> None:
    rising_then_flat = [0.9 - 0.02 * n for n in range(30)] + [0.1] * 30
    best = BestEpoch("val_macro_f1")
    improved = [row["epoch"] for row in history(rising_then_flat) if best.take(row)]
    assert (improved[-1], best.epoch) == (31, 31)
    kept = best_so_far(history(rising_then_flat), "val_macro_f1")
    assert kept is not None
    assert kept["epoch"] == 31


def test_a_flat_curve_has_its_first_epoch_kept() -> None:
    assert [best_so_far(history([0.4] * 60), monitor)["epoch"] for monitor in MONITORS] == [1, 1]


def test_after_many_equal_epochs_a_worse_one_is_not_kept() -> None:
    kept = best_so_far(history([0.1] * 40 + [0.5] * 3), "val_macro_f1")
    assert kept is not None
    assert kept["epoch"] == 1


@given(st.lists(st.integers(0, 5), min_size=1, max_size=80), st.sampled_from(MONITORS))
def test_callbacks_that_wait_see_an_improvement_where_an_epoch_is_kept_and_only_there(
    steps: list[int], monitor: str
) -> None:
    best, highest = BestEpoch(monitor), -inf
    for row in history([step / 10 for step in steps]):
        assert best.take(row) == (best.signal > highest)
        highest = max(highest, best.signal)


def test_of_the_loss_the_lowest_is_kept_and_no_number_never() -> None:
    kept = best_so_far(history([0.6, 0.4, 0.4, float("nan")]), "val_loss")
    assert kept is not None
    assert kept["epoch"] == 2
    assert best_so_far(history([float("nan")]), "val_loss") is None
    assert best_so_far([], "val_macro_f1") is None


@pytest.mark.slow
@pytest.mark.usefixtures("tiny_net")
@pytest.mark.parametrize("monitor", ["val_loss", "val_macro_f1"])
def test_training_keeps_the_same_epoch(tmp_path: Path, monitor: str) -> None:
    artefacts = train(
        bars(tmp_path / "data"), spec(epochs=5, monitor=monitor), Recorder(), workplace(tmp_path)
    )
    kept = best_so_far([asdict(record) for record in artefacts.history], monitor)
    assert kept is not None
    assert kept["epoch"] == artefacts.best_epoch

from dataclasses import asdict
from pathlib import Path

import pytest

from tests.workbench.chart_data import history
from tests.workbench.test_train import Recorder, spec, workplace
from tests.workbench.training_data import bars
from workbench.epochs import kept_so_far
from workbench.training.train import train


def test_of_macro_f1_a_lucky_first_epoch_is_not_kept() -> None:
    epochs = history([0.1, 0.5, 0.5, 0.5])
    assert [row["val_macro_f1"] for row in epochs] == [0.9, 0.5, 0.5, 0.5]
    kept = kept_so_far(epochs, "val_macro_f1")
    assert kept is not None
    assert kept["epoch"] == 4


def test_of_the_loss_the_lowest_is_kept_and_no_number_never() -> None:
    kept = kept_so_far(history([0.6, 0.4, 0.4, float("nan")]), "val_loss")
    assert kept is not None
    assert kept["epoch"] == 2
    assert kept_so_far(history([float("nan")]), "val_loss") is None
    assert kept_so_far([], "val_macro_f1") is None


@pytest.mark.slow
@pytest.mark.parametrize("monitor", ["val_loss", "val_macro_f1"])
def test_training_keeps_the_same_epoch(tmp_path: Path, monitor: str) -> None:
    artefacts = train(
        bars(tmp_path / "data"), spec(epochs=5, monitor=monitor), Recorder(), workplace(tmp_path)
    )
    kept = kept_so_far([asdict(record) for record in artefacts.history], monitor)
    assert kept is not None
    assert kept["epoch"] == artefacts.best_epoch

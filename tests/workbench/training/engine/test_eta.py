import keras
import numpy as np
import pytest

from workbench.training.engine.eta import EtaEstimator
from workbench.training.engine.input_pipeline import Examples
from workbench.training.engine.recipe import Stage

STEPS = 5


def stage(epochs: int, cost: float = 1.0) -> Stage:
    net = keras.Sequential([keras.Input((1,)), keras.layers.Dense(2)])
    examples = Examples(lambda indices, _: np.zeros((len(indices), 1), np.float32), (1,), "float32")
    return Stage(net, examples, lambda: np.zeros((1, 2)), epochs, 1e-3, cost=cost)


def run_epochs(watch: EtaEstimator, epochs: int, gap: float) -> float | None:
    """Steps of 0.1 s, the first one of 7 s, and after each epoch ``gap`` seconds of judging, the first time 9 s."""
    now = 100.0
    for epoch in range(1, epochs + 1):
        for step in range(1, STEPS + 1):
            now += 7.0 if (epoch, step) == (1, 1) else 0.1
            if step == 1 and epoch > 1:
                now += 9.0 if epoch == 2 else gap
            watch.record_step(step, STEPS, now)
    return watch.left(epochs, STEPS, STEPS)


def test_nothing_is_known_before_the_second_step() -> None:
    watch = EtaEstimator([stage(3)], 0.25)
    watch.record_step(1, STEPS, 3.0)
    assert watch.step_seconds is None
    assert watch.left(1, 1, STEPS) is None


def test_after_the_first_epoch_the_time_left_is_right_within_a_fifth() -> None:
    watch = EtaEstimator([stage(21)], 0.25)
    assert run_epochs(watch, 1, gap=0.1) == pytest.approx(20 * (STEPS * 0.1 + 0.1), rel=0.2)
    assert watch.step_seconds == pytest.approx(0.1)


def test_later_the_judging_is_measured_and_what_is_slow_once_does_not_count() -> None:
    watch = EtaEstimator([stage(20)], 0.25)
    assert run_epochs(watch, 10, gap=0.4) == pytest.approx(10 * (STEPS * 0.1 + 0.4), rel=0.01)


def test_a_stage_to_come_counts_with_what_it_costs() -> None:
    watch = EtaEstimator([stage(10), stage(20, cost=3.0)], 0.0)
    assert run_epochs(watch, 4, gap=0.0) == pytest.approx((6 + 20 * 3) * STEPS * 0.1, rel=0.01)


def test_at_the_end_nothing_is_left() -> None:
    watch = EtaEstimator([stage(3)], 0.25)
    assert run_epochs(watch, 3, gap=0.2) == 0


def test_epochs_of_one_step_are_timed_too() -> None:
    watch = EtaEstimator([stage(10)], 0.25)
    for epoch in range(1, 6):
        watch.record_step(1, 1, epoch * 0.5)
    assert watch.left(5, 1, 1) == pytest.approx(5 * 0.5)

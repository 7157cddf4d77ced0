import math

import keras
import numpy as np
import pytest

from workbench.training.engine.optimizer import LearningRateSchedule, compile_net, loss
from workbench.training.spec import OPTIMIZERS, TrainingSpec

STEPS = 4
TRUE = np.array([[1, 0, 0], [0, 1, 0]], np.float32)
ANSWERS = np.array([[0.9, 0.05, 0.05], [0.3, 0.4, 0.3]], np.float32)


def rates(epochs: int, **values: object) -> list[float | None]:
    pace = LearningRateSchedule(TrainingSpec(**values), 0.1, epochs, 0)
    return [pace.rate(step, STEPS) for step in range(epochs * STEPS)]


def test_cosine_goes_from_the_rate_to_nearly_nothing() -> None:
    learning_rates = rates(5, schedule="cosine")
    assert learning_rates[0] == pytest.approx(0.1)
    assert learning_rates == sorted(learning_rates, reverse=True)
    assert learning_rates[10] == pytest.approx(0.05)
    assert 0 < learning_rates[-1] < 0.001


def test_the_warm_up_rises_step_by_step_and_then_the_schedule_takes_over() -> None:
    warm = [0.1 * (step + 1) / 8 for step in range(8)]
    assert rates(4, schedule="plateau", warmup_epochs=2)[:8] == pytest.approx(warm)
    assert rates(4, schedule="plateau", warmup_epochs=2)[9:] == [None] * 7
    assert rates(4, schedule="cosine", warmup_epochs=2)[8] == pytest.approx(0.1)
    assert rates(4, schedule="cosine", warmup_epochs=2)[12] == pytest.approx(0.05)


def test_a_warm_up_longer_than_the_stage_leaves_an_epoch_at_the_full_rate() -> None:
    assert rates(2, schedule="constant", warmup_epochs=9)[STEPS] == pytest.approx(0.1)
    assert rates(1, schedule="constant", warmup_epochs=9) == [None] * STEPS


def test_losses_are_those_of_their_papers() -> None:
    plain = -np.log([0.9, 0.4])
    assert float(loss(TrainingSpec())(TRUE, ANSWERS)) == pytest.approx(plain.mean(), rel=1e-5)
    focal = float(loss(TrainingSpec(loss="focal", focal_gamma=2))(TRUE, ANSWERS))
    assert focal == pytest.approx((np.array([0.1, 0.6]) ** 2 * plain).mean(), rel=1e-5)
    smooth = float(loss(TrainingSpec(label_smoothing=0.3))(TRUE, ANSWERS))
    spread = 0.7 * TRUE + 0.1
    assert smooth == pytest.approx(-(spread * np.log(ANSWERS)).sum(axis=1).mean(), rel=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize("name", OPTIMIZERS)
def test_every_optimizer_learns(name: str) -> None:
    keras.utils.set_random_seed(1)
    net = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3, activation="softmax")])
    chosen = TrainingSpec(optimizer=name)
    compile_net(net, chosen, 0.02)
    random = np.random.default_rng(0)
    examples = random.standard_normal((64, 4)).astype(np.float32)
    shares = np.eye(3, dtype=np.float32)[examples[:, :3].argmax(axis=1)]
    losses = net.fit(examples, shares, epochs=15, verbose=0).history["loss"]
    assert losses[-1] < 0.8 * losses[0]
    assert math.isfinite(losses[-1])

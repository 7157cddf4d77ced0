import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest

from tests.running import ROOT
from tests.workbench.training.engine.test_train import Recorder, spec, workplace
from tests.workbench.training_data import bars
from workbench.training.engine.precision import FULL, HALF, policy
from workbench.training.engine.train import train

SEVERAL = """
import sys
from pathlib import Path
import tensorflow as tf
tf.config.set_logical_device_configuration(
    tf.config.list_physical_devices("CPU")[0], [tf.config.LogicalDeviceConfiguration()] * 2
)
from tests.workbench.training.engine.test_train import Recorder, spec, workplace
from workbench.training.dataset import Dataset
from workbench.training.engine.precision import strategy
from workbench.training.engine.train import train
folder = Path(sys.argv[1])
artefacts = train(Dataset.open(folder / "data"), spec(epochs=2, architecture="classic"), Recorder(), workplace(folder))
print(strategy().num_replicas_in_sync, *(record.loss for record in artefacts.history))
"""


def test_full_precision_is_what_a_spec_gets_that_asks_for_it() -> None:
    assert policy(spec(precision="float32")) == FULL


@pytest.mark.slow
def test_steps_differ_where_the_machine_has_half_precision_and_what_is_served_is_whole(
    tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    in_half = policy(spec(precision="mixed")) == HALF
    if not in_half:  # then both are trained alike, which a small net shows as well
        request.getfixturevalue("tiny_net")
    dataset = bars(tmp_path / "data")
    half, full = (
        train(dataset, spec(epochs=2, precision=precision), Recorder(), workplace(tmp_path, precision))
        for precision in ("mixed", "float32")
    )
    assert (half.history[0].loss != full.history[0].loss) == in_half
    assert half.history[0].loss == pytest.approx(full.history[0].loss, rel=0.1)
    assert half.agreement < 1e-3
    served = keras.saving.load_model(half.folder / "model.keras")
    assert {layer.compute_dtype for layer in served.layers} == {"float32"}


@pytest.mark.slow
def test_several_devices_share_every_batch(tmp_path: Path) -> None:
    dataset = bars(tmp_path / "data")
    done = subprocess.run(
        [sys.executable, "-c", SEVERAL, str(tmp_path)], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-3000:]
    devices, *losses = done.stdout.split()[-3:]
    alone = train(dataset, spec(epochs=2, architecture="classic"), Recorder(), workplace(tmp_path, "alone"))
    assert devices == "2"
    assert np.array(losses, float) == pytest.approx([record.loss for record in alone.history], rel=0.01)

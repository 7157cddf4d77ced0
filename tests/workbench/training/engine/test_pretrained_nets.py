"""A real net of Keras', with weights that have learnt nothing, through both recipes that start from pretrained ones."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.workbench.tiny_weights import write_weights
from tests.workbench.training.engine.test_transfer import answers_are_as_reported, ran, spec

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_weights(tmp_path_factory.mktemp("weights"))


@pytest.mark.parametrize(("recipe", "members"), [("instant", 1), ("fine_tune", 2)])
def test_the_exported_files_answer_as_reported(
    recipe: str, members: int, tmp_path: Path, weights: Path
) -> None:
    trained = ran(tmp_path, weights, spec(recipe, epochs=2, members=members))
    assert len(trained.artefacts.history) == 2
    answers_are_as_reported(trained.artefacts, trained.dataset)

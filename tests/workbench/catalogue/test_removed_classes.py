"""A class goes, or gets another name, while pictures, runs and the model in production know it."""

from __future__ import annotations

from collections.abc import Iterator

import gradio as gr
import pytest

from storage.core.errors import NotFound
from storage.records import Filter
from tests.pictures import shaded
from tests.running import until
from tests.sentences import raises_sentence
from workbench.catalogue.splits import ONE_CLASS
from workbench.core.errors import InvalidSpec, NotReady
from workbench.integrity import check
from workbench.services import Services
from workbench.training.spec import TrainingSpec
from workbench.ui.tabs.evaluate.report import PARTS, EvaluateState, show

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("tiny_nets")]
SHORT = TrainingSpec(epochs=1, batch_size=8)


def train(services: Services) -> int:
    run_id = services.training.start(SHORT)
    until(lambda: not services.stores.runs.get(run_id).active, "the run to end", 180)
    run = services.stores.runs.get(run_id)
    assert (run.status, run.error) == ("finished", None)
    return run_id


@pytest.fixture
def trained(labelled: Services) -> Iterator[Services]:
    """Services with a model of the classes High and Low in production."""
    labelled.start()
    train(labelled)
    labelled.stores.registry.promote("v1", "production", "", "ann")
    yield labelled
    labelled.close()


def shown(services: Services, run_id: int, cell: tuple[str, str]) -> str:
    """All that the report of a run says, with one cell of the matrix opened."""
    updates = dict(zip(PARTS, show(services, EvaluateState(run_id, run_id, cell=cell), {}), strict=False))
    assert gr.skip() not in updates.values()
    return " ".join(str(update) for update in updates.values())


def test_after_a_class_is_removed_its_model_answers_and_its_run_is_shown(trained: Services) -> None:
    before = trained.predictor.predict(shaded(0.7, 999))
    assert trained.labelling.remove("Low", "ann") == 12
    after = trained.predictor.predict(shaded(0.7, 999))
    assert (after.label, after.scores) == (before.label, before.scores)
    assert "Low" in shown(trained, 1, ("Low", "High"))
    assert trained.training.report(1).snapshot.classes == ("High", "Low")
    with raises_sentence(NotReady, ONE_CLASS.format(name="High")):
        trained.training.start(SHORT)

    ids = trained.stores.pages.all_ids(Filter(status="unlabelled"))
    with pytest.raises(NotFound, match="“Low”"):
        trained.stores.edits.label(ids[:1], trained.stores.classes.get("Low"), "ann")
    trained.labelling.label(ids, "Full", "ann")
    later = train(trained)
    assert trained.training.report(later).snapshot.classes == ("Full", "High")
    assert "Full" in shown(trained, later, ("Full", "High"))
    trained.stores.journal.undo("ann")
    trained.stores.registry.promote("v2", "production", "it knows Full", "ann")
    assert set(trained.predictor.predict(shaded(0.7, 999)).scores) == {"Full", "High"}
    assert trained.stores.registry.roll_back("production", "", "ann").name == "v1"
    assert check(trained.stores, deep=True).faults == ()


def test_after_a_class_is_renamed_or_merged_the_model_keeps_the_names_it_learnt(trained: Services) -> None:
    trained.labelling.rename("High", "Tall", "ann")
    assert set(trained.predictor.predict(shaded(0.3, 999)).scores) == {"High", "Low"}
    assert "High" in shown(trained, 1, ("High", "Low"))
    assert trained.training.plan(SHORT).train == {"Tall": 10, "Low": 10}
    by_hand = TrainingSpec.from_dict({"class_weights": {"High": 2.0, "Low": 1.0}})
    with pytest.raises(InvalidSpec, match='"Tall"'):
        trained.training.start(by_hand)
    assert trained.labelling.merge("Tall", "Low", "ann") == 12
    with raises_sentence(NotReady, ONE_CLASS.format(name="Low")):
        trained.training.start(SHORT)
    assert "High" in shown(trained, 1, ("High", "Low"))
    assert trained.predictor.predict(shaded(0.3, 999)).version == "v1"

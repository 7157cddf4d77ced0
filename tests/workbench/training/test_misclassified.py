from pathlib import Path

from tests.versions import Answers, finished_run, import_pictures
from workbench.services import Services
from workbench.training.misclassified import (
    Baseline,
    images_in_cell,
    majority_baseline,
    mistakes,
    predicted_images,
)


def test_mistakes_come_surest_first_and_cells_hold_their_pictures(services: Services, tmp_path: Path) -> None:
    import_pictures(services, {"Full": 24, "Half": 12, "Over": 8})
    version = finished_run(services, tmp_path / "model", Answers("Half", "Full", 3))
    report = services.training.report(version.run_id)

    wrong = mistakes(report)
    assert [(mistake.true, mistake.predicted) for mistake in wrong] == [("Half", "Full")] * 3
    assert [mistake.probability for mistake in wrong] == sorted(
        (mistake.probability for mistake in wrong), reverse=True
    )
    assert images_in_cell(report, "Half", "Full") == wrong
    assert images_in_cell(report, "Full", "Half") == []
    matrix = version.manifest["metrics"]["confusion"]
    cells = [(true, predicted) for true in report.snapshot.classes for predicted in report.snapshot.classes]
    assert [len(images_in_cell(report, *cell)) for cell in cells] == [
        count for row in matrix for count in row
    ]
    assert len(predicted_images(report)) == version.manifest["metrics"]["pictures"]


def test_always_answering_the_commonest_class_is_the_baseline() -> None:
    assert majority_baseline(["a", "b"], [[1, 2], [0, 9]]) == Baseline("b", 9, 12)
    assert majority_baseline(["a", "b"], [[2, 0], [1, 1]]) == Baseline("a", 2, 4)

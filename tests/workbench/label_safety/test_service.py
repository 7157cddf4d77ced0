"""Operations that change the class of a picture in the eyes of a model."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from storage.records import Filter
from tests.running import until
from tests.two_halves import import_halves, promote_reader
from workbench.imaging.augmentation import OPERATIONS, Augmentation, augment
from workbench.label_safety import service
from workbench.label_safety.attribution import attribution_candidates, responsible_operation
from workbench.label_safety.misread_rate import MisreadTally, Probe, difference_interval, tally_misreads
from workbench.label_safety.results import mark, marks, read_findings
from workbench.label_safety.sampling import MOST, round_robin, sample
from workbench.label_safety.service import LabelSafety
from workbench.services import Services
from workbench.serving.service import Prediction, Predictor
from workbench.training.spec import TrainingSpec
from workbench.ui.tabs.train.preflight import augmentation_warning

UPSIDE_DOWN = Augmentation.from_dict({"flip_vertical": {"enabled": True}})


def read(picture: np.ndarray) -> Prediction:
    label = "Top" if picture[:128].mean() > picture[128:].mean() else "Bottom"
    return Prediction(label, 0.9, {label: 0.9}, "v1")


def half_lit(image_id: int = 1) -> Probe:
    picture = np.full((256, 256, 3), 60, np.uint8)
    picture[:128] = 190
    return Probe(image_id, "Top", picture)


@pytest.fixture
def halves(services: Services, tmp_path: Path) -> Services:
    """Services with pictures whose light half is their class, and the model that reads it in production."""
    import_halves(services, tmp_path)
    promote_reader(services, tmp_path)
    return services


@pytest.fixture
def watching(halves: Services) -> Iterator[LabelSafety]:
    """The check at work on what the page shows."""
    safety = LabelSafety(halves.stores, halves.predictor, lambda: halves.training.draft().augmentation)
    safety.start()
    yield safety
    safety.close()


def checked(safety: LabelSafety, augmentation: Augmentation) -> service.SafetyReport:
    until(lambda: safety.report(augmentation).state == service.CHECKED, "the check to end")
    return safety.report(augmentation)


def test_the_interval_of_a_difference_is_that_of_the_source() -> None:
    """Newcombe (1998), table II, method 10: 56 of 70 and 48 of 80; 9 of 10 and 3 of 10; 10 of 10 and 0 of 10."""
    assert difference_interval((56, 70), (48, 80)) == pytest.approx((0.0524, 0.3339), abs=1e-4)
    assert difference_interval((9, 10), (3, 10)) == pytest.approx((0.1705, 0.8090), abs=1e-4)
    assert difference_interval((10, 10), (0, 10)) == pytest.approx((0.6075, 1.0), abs=1e-4)


def test_an_operation_that_turns_the_class_around_is_flagged_and_one_that_does_not_is_not() -> None:
    pictures = [half_lit(number) for number in range(1, 13)]
    turned = tally_misreads(pictures, "flip_vertical", 0.5, read)
    assert (turned.variants, turned.misread, turned.true, turned.taken_for) == (12, 12, "Top", "Bottom")
    assert turned.flagged
    for harmless in ("flip", "brightness", "rotate"):
        tally = tally_misreads(pictures, harmless, 0.2, read)
        assert (tally.misread, tally.flagged) == (0, False)


@pytest.mark.parametrize(("pictures", "misread", "flagged"), [(60, 3, False), (60, 60, True), (8, 3, False)])
def test_a_few_of_few_pictures_prove_nothing(pictures: int, misread: int, flagged: bool) -> None:
    assert MisreadTally("rotate", 10.0, pictures, 3 * pictures, misread).flagged is flagged


@pytest.mark.slow
def test_the_sample_takes_classes_in_turns_and_only_what_is_read_rightly_and_still_has_its_class(
    halves: Services,
) -> None:
    version = halves.stores.registry.get("v1")
    chosen = list(sample(halves.stores, version, read))
    assert sorted(picture.label for picture in chosen[:4]) == ["Bottom", "Bottom", "Top", "Top"]
    assert len(chosen) == 24 <= MOST
    first = round_robin(halves.stores.snapshots, version.snapshot_id)[0]
    assert first.split == "validation"

    other = "Top" if chosen[0].label == "Bottom" else "Bottom"
    halves.labelling.label([chosen[0].image_id], other, "Ann")
    halves.stores.edits.archive([chosen[1].image_id], "Ann")
    left = {picture.image_id for picture in sample(halves.stores, version, read)}
    assert left == {picture.image_id for picture in chosen[2:]}
    unsure = Prediction("Top", 0.5, {"Top": 0.5}, "v1")
    assert list(sample(halves.stores, version, lambda _: unsure)) == []


@pytest.mark.slow
def test_what_the_page_shows_is_checked_by_itself_and_not_twice(
    halves: Services, watching: LabelSafety
) -> None:
    report = checked(watching, Augmentation())
    assert (report.version, report.pictures) == ("v1", 24)
    assert set(report.tallies) == {operation.name for operation in OPERATIONS}
    assert report.flagged(Augmentation()) == []
    assert [tally.operation for tally in report.flagged(UPSIDE_DOWN)] == ["flip_vertical"]

    version = halves.stores.registry.get("v1")
    before = read_findings(halves.stores.preferences, version)
    stronger = Augmentation.from_dict({"rotate": {"strength": 20}})
    assert [name for name, _ in before.missing(stronger)] == ["rotate"]
    watching.ask(stronger)
    assert checked(watching, stronger).tallies["rotate"].strength == 20
    after = read_findings(halves.stores.preferences, version)
    assert set(after.tallies) - set(before.tallies) == {("rotate", 20.0)}


@pytest.mark.slow
def test_what_was_found_outlives_the_process_and_belongs_to_one_version(
    halves: Services, watching: LabelSafety, tmp_path: Path
) -> None:
    checked(watching, Augmentation())
    anew = LabelSafety(halves.stores, halves.predictor, None)
    assert anew.report(Augmentation()).state == service.CHECKED
    promote_reader(halves, tmp_path)
    assert anew.report(Augmentation()).tallies == {}


@pytest.mark.slow
def test_it_waits_while_a_run_trains_on_few_cores(
    halves: Services, watching: LabelSafety, monkeypatch: pytest.MonkeyPatch
) -> None:
    checked(watching, Augmentation())
    monkeypatch.setattr(service, "cores", lambda: 2)
    run_id = halves.stores.runs.create(1, TrainingSpec().to_dict())
    halves.stores.runs.claim(run_id, 1, "then")
    stronger = Augmentation.from_dict({"rotate": {"strength": 20}})
    watching.ask(stronger)
    assert watching.report(stronger).state == service.WAITING
    halves.stores.runs.end(run_id, "failed", "no matter")
    assert checked(watching, stronger).tallies["rotate"].misread == 0


def test_without_a_model_or_with_too_few_pictures_it_says_so(services: Services, tmp_path: Path) -> None:
    assert services.label_safety.report(Augmentation()).state == service.NO_MODEL
    import_halves(services, tmp_path)
    promote_reader(services, tmp_path)
    assert services.label_safety.report(Augmentation()).state == service.OFF
    services.stores.edits.archive(services.stores.pages.all_ids(Filter())[:20], "Ann")
    services.label_safety.start()
    services.label_safety.ask(Augmentation())
    until(lambda: services.label_safety.report(Augmentation()).state == service.TOO_FEW, "too few pictures")
    services.label_safety.close()


@pytest.mark.slow
def test_a_model_that_is_gone_is_said_once_and_not_tried_for_ever(
    halves: Services, watching: LabelSafety
) -> None:
    checked(watching, Augmentation())
    stores = halves.stores
    (stores.registry.root / "v1" / "model.tflite").write_bytes(b"")
    broken = LabelSafety(stores, Predictor(stores.registry, stores.predictions, stores.decoder), None)
    broken.start()
    stronger = Augmentation.from_dict({"rotate": {"strength": 20}})
    broken.ask(stronger)
    until(lambda: broken.report(stronger).state == service.FAILED, "the check to fail")
    assert "model.tflite" in broken.report(stronger).error
    broken.close()


@pytest.mark.slow
def test_the_plan_of_a_run_gets_one_sentence(halves: Services, watching: LabelSafety) -> None:
    checked(watching, Augmentation())
    assert augmentation_warning(halves, TrainingSpec()) == ""
    warned = augmentation_warning(halves, TrainingSpec(augmentation=UPSIDE_DOWN))
    assert "Upside down may change the class: v1 reads 24 of 24" in warned


def test_the_operations_of_a_variant_are_shown_with_the_draws_that_it_had() -> None:
    seen, key = half_lit(), (1, 2, 1)
    candidates = attribution_candidates(seen.pixels, UPSIDE_DOWN, key)
    for candidate in candidates:
        alone = UPSIDE_DOWN.alone(candidate.operation)
        assert np.array_equal(candidate.pixels, augment(seen.pixels, alone, key))
        assert not np.array_equal(candidate.pixels, seen.pixels)
    assert attribution_candidates(seen.pixels, Augmentation.off(), key) == []


def test_the_culprit_is_the_only_one_or_the_only_one_that_a_model_reads_otherwise() -> None:
    seen = half_lit()
    certain = Augmentation.off().alone("flip_vertical", 1.0)
    both = Augmentation({**certain.settings, "brightness": Augmentation().settings["brightness"]})
    alone = attribution_candidates(seen.pixels, certain, (1, 1, 1))
    assert responsible_operation(alone, None) == "flip_vertical"
    unread = attribution_candidates(seen.pixels, both, (1, 1, 1))
    assert len(unread) == 2
    assert responsible_operation(unread, None) == ""
    assert (
        responsible_operation(attribution_candidates(seen.pixels, both, (1, 1, 1), read), read(seen.pixels))
        == "flip_vertical"
    )


def test_why_an_operation_is_off_is_remembered_until_it_is_on_again(services: Services) -> None:
    preferences = services.stores.preferences
    mark(preferences, "rotate", "variant 2 of a.jpg")
    mark(preferences, "zoom", "variant 1 of b.jpg")
    mark(preferences, "rotate", "")
    assert marks(preferences) == {"zoom": "variant 1 of b.jpg"}

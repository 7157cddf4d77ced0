import csv
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO, StringIO
from pathlib import Path

import numpy as np
import pytest
from ai_edge_litert.interpreter import Interpreter
from PIL import Image

from storage.core.errors import Corrupt, NotFound
from storage.records import Version
from storage.training.registry import VersionCandidate
from storage.training.snapshots import SplitDraft
from tests.pictures import picture
from tests.running import ROOT
from tests.sentences import raises_sentence
from workbench.core.errors import BrokenModel, NotReady, RejectedPicture
from workbench.imaging.decode import canonical, decode
from workbench.importing.uploads import Upload, sources
from workbench.services import Services
from workbench.serving.batch import predict_files_csv
from workbench.serving.service import NO_MODEL, REVIEW_THRESHOLD

CLASSES = ["=Dark", "Light"]
WEB_PROCESS = """
import sys
from pathlib import Path
from workbench.server import build_app
from workbench.services import build_services
from workbench.core.settings import Settings
services = build_services(Settings(data=Path(sys.argv[1])))
build_app(services)
print(services.predictor.predict(sys.stdin.buffer.read()).version)
print(*{name.split(".")[0] for name in sys.modules})
"""
Register = Callable[..., Version]


@pytest.fixture(scope="session")
def model_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A real LiteRT file: the lighter the upper half of a picture, the surer it is of Light."""
    import keras

    inputs = keras.Input((256, 256, 3), dtype="uint8")
    upper = keras.layers.Cropping2D(((0, 128), (0, 0)))(keras.layers.Rescaling(1 / 255)(inputs))
    dense = keras.layers.Dense(2, activation="softmax")
    net = keras.Model(inputs, dense(keras.layers.GlobalAveragePooling2D()(upper)))
    dense.set_weights([np.array([[-2.0, 2.0]] * 3), np.array([2.5, -2.5])])
    file = tmp_path_factory.mktemp("model") / "model.tflite"
    net.export(file, format="litert", verbose=False)
    return file


@pytest.fixture
def register(services: Services, model_file: Path, tmp_path: Path) -> Register:
    """Registers that file as the next version."""
    stores = services.stores

    def registered(data: bytes = model_file.read_bytes(), fit: str = "letterbox") -> Version:
        run_id = stores.runs.create(stores.snapshots.freeze(SplitDraft(tuple(CLASSES), (), 0.2, 1, 0)).id, {})
        attempt = stores.runs.claim(run_id, 1, "then")
        folder = tmp_path / f"work-{run_id}"
        folder.mkdir()
        (folder / "model.tflite").write_bytes(data)
        manifest = {"classes": CLASSES, "fit": fit}
        return stores.registry.register(VersionCandidate(attempt, 1, folder, manifest, 1, False, "", []))

    return registered


def litert_scores(file: Path, square: np.ndarray) -> dict[str, float]:
    interpreter = Interpreter(model_path=str(file))
    interpreter.allocate_tensors()
    [input_details], [answer] = interpreter.get_input_details(), interpreter.get_output_details()
    interpreter.set_tensor(input_details["index"], square[None].astype(input_details["dtype"]))
    interpreter.invoke()
    return dict(zip(CLASSES, interpreter.get_tensor(answer["index"])[0].tolist(), strict=True))


def on_record(services: Services) -> int:
    return services.stores.database.value("SELECT count(*) FROM predictions")


def promote(services: Services, version: Version) -> None:
    services.stores.registry.promote(version.name, "production", "", "ann")


def test_without_a_model_a_sentence_says_what_to_do(services: Services, register: Register) -> None:
    with raises_sentence(NotReady, NO_MODEL):
        services.predictor.predict(picture(1))
    assert services.predictor.stand_in() is None
    register()
    for name in ("v2", "staging"):
        with pytest.raises(NotFound, match=rf"“{name}”.* v1\.$"):
            services.predictor.predict(picture(1), name)
    assert on_record(services) == 0


def test_the_newest_version_stands_in_until_one_is_in_production(
    services: Services, register: Register
) -> None:
    first, second = register(), register()
    assert services.predictor.stand_in() == second
    assert services.predictor.predict(picture(1)).version == second.name
    promote(services, first)
    assert services.predictor.stand_in() is None
    assert services.predictor.predict(picture(1)).version == first.name


@pytest.mark.parametrize("fit", ["letterbox", "squash", "crop"])
def test_the_answer_is_the_model_s_on_the_canonical_picture(
    services: Services, register: Register, model_file: Path, fit: str
) -> None:
    promote(services, register(fit=fit))
    for seed in range(5):
        data = picture(seed, (900, 400))
        answer = services.predictor.predict(data)
        wanted = litert_scores(model_file, canonical(decode(data, 10**8).image, fit))
        assert answer.scores == pytest.approx(wanted, abs=1e-6)
        assert list(answer.scores.values()) == sorted(answer.scores.values(), reverse=True)
        assert (answer.label, answer.confidence) == next(iter(answer.scores.items()))
        assert answer.confidence == pytest.approx(max(wanted.values()), abs=1e-6)
        assert answer.needs_review == (max(answer.scores.values()) < REVIEW_THRESHOLD)
        assert (answer.version, answer.prediction_id) == ("v1", seed + 1)
    assert on_record(services) == 5


@pytest.mark.slow
def test_the_web_process_answers_without_tensorflow(services: Services, register: Register) -> None:
    promote(services, register())
    ran = subprocess.run(
        [sys.executable, "-c", WEB_PROCESS, str(services.settings.data)],
        cwd=ROOT,
        input=picture(1),
        capture_output=True,
        check=True,
    )
    version, modules = ran.stdout.decode().splitlines()[-2:]
    assert version == "v1"
    assert "ai_edge_litert" in modules.split()
    assert not {"tensorflow", "keras", "sklearn", "torch", "jax"} & set(modules.split())


def test_many_at_once_each_get_their_own_answer(services: Services, register: Register) -> None:
    promote(services, register())
    pictures = [picture(seed) for seed in range(8)] * 5
    alone = [services.predictor.predict(picture).scores for picture in pictures[:8]] * 5
    with ThreadPoolExecutor(8) as pool:
        assert [answer.scores for answer in pool.map(services.predictor.predict, pictures)] == alone


def test_a_glance_answers_the_same_and_is_not_written_down(services: Services, register: Register) -> None:
    promote(services, register())
    data = picture(1, (200, 100), "PNG")
    frame = np.asarray(Image.open(BytesIO(data)).convert("RGB"))
    assert services.predictor.predict_unlogged(frame).scores == services.predictor.predict(data).scores
    assert on_record(services) == 1


def test_every_version_can_be_asked_and_promotion_counts_at_once(
    services: Services, register: Register
) -> None:
    versions = [register(fit=fit) for fit in ("letterbox", "squash", "crop")]
    for version in versions:
        promote(services, version)
        assert services.predictor.predict(picture(1)).version == version.name
    assert [services.predictor.predict(picture(1), name).version for name in ("v1", "v2", "v3", "v1")] == [
        "v1",
        "v2",
        "v3",
        "v1",
    ]
    assert services.predictor.signature("v3").fit == "crop"


@pytest.mark.parametrize("data", [b"", b"text", picture(1)[:700]])
def test_what_is_no_picture_is_refused(services: Services, register: Register, data: bytes) -> None:
    promote(services, register())
    with pytest.raises(RejectedPicture):
        services.predictor.predict(data)
    assert on_record(services) == 0


def test_a_model_file_that_was_changed_or_lost_is_refused(services: Services, register: Register) -> None:
    version = register()
    promote(services, version)
    file = services.stores.registry.root / "v1" / "model.tflite"
    file.write_bytes(file.read_bytes()[:-1] + b"x")
    for damage in (lambda: None, file.unlink):
        damage()
        with pytest.raises(Corrupt, match=r"model\.tflite .*\bv1\b"):
            services.predictor.predict(picture(1))
    promote(services, register())
    assert services.predictor.predict(picture(1)).version == "v2"


@pytest.mark.parametrize("data", [b"", b"not a model", b"\0\0\0\0TFL3" + bytes(100)])
def test_a_file_that_is_no_model_is_refused(services: Services, register: Register, data: bytes) -> None:
    promote(services, register(data))
    with pytest.raises(BrokenModel, match="v1"):
        services.predictor.predict(picture(1))


def test_many_pictures_are_answered_as_a_table(
    services: Services, register: Register, upload: Callable[[str, bytes], Upload]
) -> None:
    promote(services, register())
    light, dark = (Image.new("RGB", (50, 50), colour) for colour in ("white", "black"))
    uploads = [
        upload("=light.png", _png(light)),
        upload("notes.jpg", b"text"),
        upload("dark.png", _png(dark)),
    ]
    table = predict_files_csv(services.predictor, sources(uploads, services.settings.limits))
    rows = list(csv.reader(StringIO(table, newline="")))
    assert rows[0] == [
        "file",
        "label",
        "confidence",
        "needs_review",
        "version",
        "error",
        "p(=Dark)",
        "p(Light)",
    ]
    assert [row[:2] for row in rows[1:]] == [
        ["'=light.png", "Light"],
        ["notes.jpg", ""],
        ["dark.png", "'=Dark"],
    ]
    assert rows[1][4] == rows[3][4] == "v1"
    assert float(rows[1][2]) == float(rows[1][7]) > 0.9


def test_a_name_that_no_file_can_hold_is_written_into_the_table(
    services: Services, register: Register, upload: Callable[[str, bytes], Upload]
) -> None:
    promote(services, register())
    table = predict_files_csv(
        services.predictor, sources([upload("a\udcffb.png", b"")], services.settings.limits)
    )
    assert table.splitlines()[1].encode("utf-8").startswith(b'"a?b.png",')


def _png(image: Image.Image) -> bytes:
    buffer = BytesIO()
    image.save(buffer, "PNG")
    return buffer.getvalue()

import json

import numpy as np
import pytest

from workbench.core.errors import InvalidSpec
from workbench.imaging.augmentation import OPERATIONS, Augmentation, Operation, augment


@pytest.fixture
def picture() -> np.ndarray:
    across, down = np.meshgrid(np.arange(256), np.arange(256))
    return np.stack([across, down, (across * down) // 256], axis=-1).astype(np.uint8)


def only(name: str, strength: float) -> Augmentation:
    off = {o.name: {"enabled": False} for o in OPERATIONS}
    return Augmentation.from_dict(off | {name: {"enabled": True, "strength": strength}})


def test_same_key_gives_same_bytes_and_another_key_other_bytes(picture: np.ndarray) -> None:
    everything = Augmentation.from_dict({o.name: {"enabled": True} for o in OPERATIONS})
    first = augment(picture, everything, (7, 1, 42))
    assert first.shape == picture.shape
    assert first.dtype == np.uint8
    assert np.array_equal(first, augment(picture.copy(), everything, (7, 1, 42)))
    for key in ((8, 1, 42), (7, 2, 42), (7, 1, 43)):
        assert not np.array_equal(first, augment(picture, everything, key))


def test_off_changes_nothing(picture: np.ndarray) -> None:
    assert np.array_equal(augment(picture, Augmentation.off(), (1, 1, 1)), picture)


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda o: o.name)
def test_each_operation_alone_changes_the_picture(picture: np.ndarray, operation: Operation) -> None:
    varied = [augment(picture, only(operation.name, operation.maximum), (1, k, 1)) for k in range(1, 4)]
    assert all(v.shape == picture.shape and v.dtype == np.uint8 for v in varied)
    assert not np.array_equal(varied[0], picture)


def test_certain_flips_are_exact_mirrors(picture: np.ndarray) -> None:
    assert np.array_equal(augment(picture, only("flip", 1), (1, 1, 1)), picture[:, ::-1])
    assert np.array_equal(augment(picture, only("flip_vertical", 1), (1, 1, 1)), picture[::-1])


def test_half_of_the_pictures_are_mirrored_at_probability_one_half(picture: np.ndarray) -> None:
    mirrored = sum(
        np.array_equal(augment(picture, only("flip", 0.5), (1, 1, i)), picture[:, ::-1]) for i in range(200)
    )
    assert 70 <= mirrored <= 130


def test_switching_one_operation_off_leaves_the_others_as_they_were(picture: np.ndarray) -> None:
    both = Augmentation.from_dict(
        {"blur": {"enabled": True, "strength": 3}, "brightness": {"enabled": False}}
    )
    unlit = Augmentation.from_dict({"brightness": {"enabled": False}})
    assert not np.array_equal(augment(picture, both, (3, 1, 9)), augment(picture, unlit, (3, 1, 9)))
    lit_only = only("brightness", 0.2)
    assert np.array_equal(
        augment(picture, lit_only, (3, 1, 9)),
        augment(
            picture, Augmentation.from_dict(lit_only.to_dict() | {"contrast": {"enabled": False}}), (3, 1, 9)
        ),
    )


def test_colour_goes_from_nearly_grey_to_stronger_than_it_was() -> None:
    red = np.full((256, 256, 3), (200, 40, 40), np.uint8)
    spread = [int(np.ptp(augment(red, only("colour", 1), (1, k, 1))[0, 0].astype(int))) for k in range(1, 60)]
    assert min(spread) < 40
    assert max(spread) > 160


def test_shift_stays_within_its_share_of_the_side() -> None:
    dot = np.full((256, 256, 3), 255, np.uint8)
    dot[126:130, 126:130] = 0
    for variant in range(1, 40):
        rows, columns = np.nonzero(augment(dot, only("shift", 0.1), (1, variant, 1))[..., 0] < 128)
        assert abs(rows.mean() - 127.5) <= 26.6
        assert abs(columns.mean() - 127.5) <= 26.6


def test_moved_white_ground_stays_white() -> None:
    white = np.full((256, 256, 3), 255, np.uint8)
    light = ("brightness", "contrast", "colour")
    moved = Augmentation.from_dict({name: {"enabled": False} for name in light})
    assert (augment(white, moved, (1, 1, 1)) == 255).all()


def test_defaults_are_safe_for_a_level() -> None:
    settings = Augmentation().settings
    assert not settings["flip_vertical"].enabled
    assert settings["rotate"].strength <= 15
    assert settings["flip"].enabled


def test_json_form_survives_a_round_trip() -> None:
    chosen = Augmentation.from_dict({"rotate": {"strength": 3.5}, "noise": {"enabled": True}})
    assert Augmentation.from_dict(json.loads(json.dumps(chosen.to_dict()))) == chosen
    assert chosen.strength("rotate") == 3.5
    assert chosen.strength("flip_vertical") == 0.0


@pytest.mark.parametrize(
    ("augmentation", "words"),
    [
        ({"shear": {}}, ("shear", "rotate")),
        ({"rotate": {"angle": 3}}, ("augmentation.rotate", "angle")),
        ({"rotate": {"strength": "8"}}, ("augmentation.rotate.strength", '"8"', "0 to 180")),
        ({"rotate": {"strength": True}}, ("augmentation.rotate.strength", "number")),
        ({"rotate": {"strength": float("nan")}}, ("nan", "0 to 180")),
        ({"rotate": {"strength": float("inf")}}, ("inf", "0 to 180")),
        ({"shift": {"strength": -0.1}}, ("augmentation.shift.strength", "-0.1")),
        ({"zoom": {"strength": 0.6}}, ("augmentation.zoom.strength", "0.5")),
        ({"flip": {"enabled": 1}}, ("augmentation.flip.enabled", "true or false")),
        ({"flip": True}, ("augmentation.flip", "object")),
        ([], ("augmentation", "object")),
        (None, ("augmentation", "object")),
    ],
)
def test_what_is_not_allowed_gets_one_sentence(augmentation: object, words: tuple[str, ...]) -> None:
    with pytest.raises(InvalidSpec) as raised:
        Augmentation.from_dict(augmentation)
    assert all(word in str(raised.value) for word in words)
    assert "\n" not in str(raised.value)

"""A data folder of its own for every test, and rows to fill it with."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path

import pytest

from storage.records import ClassRecord, NewImage
from tests.data_folders import new_data_folder
from workbench.core.settings import Settings
from workbench.stores import Stores, open_stores

Add = Callable[..., list[int]]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "workbench"


@pytest.fixture
def stores(folder: Path) -> Stores:
    return open_stores(Settings(data=new_data_folder(folder)))


@pytest.fixture
def reopened(folder: Path) -> Callable[[], Stores]:
    """The same data folder, as the next process opens it."""
    return lambda: open_stores(Settings(data=folder))


@pytest.fixture
def add(stores: Stores) -> Add:
    """Adds pictures under names, with or without a class, and gives their ids."""

    def added(*names: str, label: ClassRecord | None = None, synthetic: bool = False) -> list[int]:
        images = [_image(name, label.id if label else None, synthetic) for name in names]
        return [image_id for image_id in stores.catalogue.add(images) if image_id is not None]

    return added


def _image(name: str, class_id: int | None, synthetic: bool) -> NewImage:
    sha256 = hashlib.sha256(name.encode()).hexdigest()
    return NewImage(sha256, name, 640, 480, 1234, "JPEG", sha256[:16], class_id, synthetic)

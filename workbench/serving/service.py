"""From the bytes of a picture to an answer."""

from __future__ import annotations

import hashlib
import threading
from collections import OrderedDict
from dataclasses import dataclass

import numpy as np
from PIL import Image

from storage.records import Version
from storage.training.predictions import LoggedPrediction, PredictionLog
from storage.training.registry import PRODUCTION, Registry
from workbench.core.errors import BrokenModel, NotReady
from workbench.imaging.bounded_decoder import BoundedDecoder
from workbench.imaging.decode import canonical
from workbench.serving.model import ServedModel, Signature
from workbench.serving.review import needs_review

KEPT_LOADED = 2
MODEL_FILE = "model.tflite"


@dataclass(frozen=True)
class Prediction:
    """An answer: all class probabilities, highest first, and the version that gave them."""

    label: str
    confidence: float
    scores: dict[str, float]
    needs_review: bool
    version: str
    prediction_id: int | None = None


class Predictor:
    """Answers with any version of the registry; the last two used stay loaded.

    Args:
        registry: Where versions and aliases are.
        predictions: Where answers are written down.
        decoder: Decodes the pictures.
    """

    def __init__(self, registry: Registry, predictions: PredictionLog, decoder: BoundedDecoder) -> None:
        self._registry = registry
        self._predictions = predictions
        self._decoder = decoder
        self._loaded: OrderedDict[int, ServedModel] = OrderedDict()
        self._lock = threading.Lock()

    def predict(self, data: bytes, model: str = PRODUCTION, patience: float | None = None) -> Prediction:
        """Classify a picture file and write the answer down.

        Args:
            data: The bytes of the file.
            model: A version or alias.
            patience: Most seconds to wait while other pictures are decoded; None waits as long as it takes.

        Raises:
            RejectedPicture: The bytes are not a picture that can be read.
            Overloaded: Other pictures took longer.
            NotReady: There is no model in production yet.
            NotFound: There is no such version or alias.
            Corrupt: The version's file does not match its hash.
            BrokenModel: The version's file cannot be loaded here.
        """
        served = self._model(model)
        with self._decoder.decoded(data, patience=patience) as decoded:
            picture = canonical(decoded.image, served.signature.fit)
        found = _answer(served, picture)
        number, sha256 = served.signature.number, hashlib.sha256(data).hexdigest()
        answer = LoggedPrediction(
            number, sha256, found.label, found.confidence, found.scores, found.needs_review
        )
        return Prediction(**{**vars(found), "prediction_id": self._predictions.add(answer)})

    def predict_unlogged(self, frame: np.ndarray, model: str = PRODUCTION) -> Prediction:
        """Classify one frame of a camera, ``(height, width, 3) uint8``, without writing it down.

        Raises:
            NotReady: There is no model in production yet.
            NotFound: There is no such version or alias.
            Corrupt: The version's file does not match its hash.
            BrokenModel: The version's file cannot be loaded here.
        """
        served = self._model(model)
        return _answer(served, canonical(Image.fromarray(frame), served.signature.fit))

    def signature(self, model: str = PRODUCTION) -> Signature:
        """Classes and fit of a version.

        Raises:
            NotReady: There is no model in production yet.
            NotFound: There is no such version or alias.
            Corrupt: The version's file does not match its hash.
            BrokenModel: The version's file cannot be loaded here.
        """
        return self._model(model).signature

    def _model(self, name: str) -> ServedModel:
        if name == PRODUCTION and self._registry.production() is None:
            raise NotReady(_no_production([each.name for each in self._registry.versions()]))
        version = self._registry.get(name)
        with self._lock:
            served = self._loaded.get(version.number)
            if served is None:
                served = self._load(version)
                self._loaded[version.number] = served
            self._loaded.move_to_end(version.number)
            while len(self._loaded) > KEPT_LOADED:
                self._loaded.popitem(last=False)
        return served

    def _load(self, version: Version) -> ServedModel:
        file = self._registry.file(version, MODEL_FILE)
        try:
            return ServedModel(Signature.of(version), file)
        except (ValueError, RuntimeError) as error:
            raise BrokenModel(
                f"Model {version.name} cannot be loaded here. Promote another version."
            ) from error


def _answer(served: ServedModel, picture: np.ndarray) -> Prediction:
    scores = served.scores(picture)
    ordered = dict(sorted(scores.items(), key=lambda item: -item[1]))
    label, confidence = next(iter(ordered.items()))
    return Prediction(label, confidence, ordered, needs_review(scores), served.signature.name)


def _no_production(versions: list[str]) -> str:
    if versions:
        return f"No model is in production yet. Promote one on the Models tab; {versions[0]} is the newest."
    return "There is no model yet. Train one on the Train tab, then promote it on the Models tab."

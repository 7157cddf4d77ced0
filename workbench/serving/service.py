"""Prediction service: decodes pictures and classifies them with a version of the registry."""

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
    """A prediction: all class probabilities, highest first, and the name of the model version."""

    label: str
    confidence: float
    scores: dict[str, float]
    needs_review: bool
    version: str
    prediction_id: int | None = None


class Predictor:
    """Classifies pictures with any version of the registry; the most recently used versions stay loaded.

    Args:
        registry: Model versions and aliases.
        predictions: Log of predictions.
        decoder: Decodes the pictures.
    """

    def __init__(self, registry: Registry, predictions: PredictionLog, decoder: BoundedDecoder) -> None:
        self._registry = registry
        self._predictions = predictions
        self._decoder = decoder
        self._loaded: OrderedDict[int, ServedModel] = OrderedDict()
        self._lock = threading.Lock()

    def predict(self, data: bytes, model: str = PRODUCTION, timeout: float | None = None) -> Prediction:
        """Classify a picture file and log the prediction.

        Args:
            data: The bytes of the file.
            model: A version or alias.
            timeout: Maximum seconds to wait while other pictures are decoded; None for no limit.

        Raises:
            RejectedPicture: The bytes cannot be decoded as a picture.
            Overloaded: Decoding did not start within ``patience`` seconds.
            NotReady: There is no model in production yet.
            NotFound: There is no such version or alias.
            Corrupt: The version's file does not match its hash.
            BrokenModel: The version's file cannot be loaded here.
        """
        served = self._served_model(model)
        with self._decoder.decoded(data, timeout=timeout) as decoded:
            picture = canonical(decoded.image, served.signature.fit)
        prediction = _classify(served, picture)
        number, sha256 = served.signature.number, hashlib.sha256(data).hexdigest()
        logged = LoggedPrediction(
            number,
            sha256,
            prediction.label,
            prediction.confidence,
            prediction.scores,
            prediction.needs_review,
        )
        return Prediction(**{**vars(prediction), "prediction_id": self._predictions.add(logged)})

    def predict_unlogged(self, frame: np.ndarray, model: str = PRODUCTION) -> Prediction:
        """Classify one camera frame, ``(height, width, 3) uint8``, without logging it.

        Raises:
            NotReady: There is no model in production yet.
            NotFound: There is no such version or alias.
            Corrupt: The version's file does not match its hash.
            BrokenModel: The version's file cannot be loaded here.
        """
        served = self._served_model(model)
        return _classify(served, canonical(Image.fromarray(frame), served.signature.fit))

    def signature(self, model: str = PRODUCTION) -> Signature:
        """Classes and resize mode of a version.

        Raises:
            NotReady: There is no model in production yet.
            NotFound: There is no such version or alias.
            Corrupt: The version's file does not match its hash.
            BrokenModel: The version's file cannot be loaded here.
        """
        return self._served_model(model).signature

    def _served_model(self, name: str) -> ServedModel:
        if name == PRODUCTION and self._registry.production() is None:
            raise NotReady(_no_production([version.name for version in self._registry.versions()]))
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


def _classify(served: ServedModel, picture: np.ndarray) -> Prediction:
    scores = served.scores(picture)
    ordered = dict(sorted(scores.items(), key=lambda item: -item[1]))
    label, confidence = next(iter(ordered.items()))
    return Prediction(label, confidence, ordered, needs_review(scores), served.signature.name)


def _no_production(versions: list[str]) -> str:
    if versions:
        return f"No model is in production yet. Promote one on the Models tab; {versions[0]} is the newest."
    return "There is no model yet. Train one on the Train tab, then promote it on the Models tab."

"""Prediction service: decodes pictures and classifies them with a version of the registry."""

from __future__ import annotations

import hashlib
import threading
from collections import OrderedDict
from dataclasses import dataclass, replace

import numpy as np
from PIL import Image

from storage.records import Version
from storage.training.predictions import LoggedPrediction, PredictionLog
from storage.training.registry import PRODUCTION, Registry
from workbench.core.errors import BrokenModel, NotReady
from workbench.core.litert import LiteRtRunner
from workbench.core.machine import cores
from workbench.imaging.bounded_decoder import BoundedDecoder
from workbench.imaging.decode import canonical

KEPT_LOADED = 2
MODEL_FILE = "model.tflite"
NO_MODEL = "There is no model yet. Train one on the Train tab."
THREADS = min(2, cores())
REVIEW_THRESHOLD = 0.6
"""Minimum confidence that needs no review; the margin to the second class is then at least 20 points."""


@dataclass(frozen=True)
class Signature:
    """Version, classes and resize mode of a model."""

    number: int
    name: str
    classes: tuple[str, ...]
    fit: str

    @classmethod
    def of(cls, version: Version) -> Signature:
        """Read from the version's manifest."""
        return cls(version.number, version.name, tuple(version.manifest["classes"]), version.manifest["fit"])


@dataclass(frozen=True)
class Prediction:
    """A prediction: all class probabilities, highest first, and the name of the model version."""

    label: str
    confidence: float
    scores: dict[str, float]
    version: str
    prediction_id: int | None = None

    @property
    def needs_review(self) -> bool:
        """Whether the confidence is below ``REVIEW_THRESHOLD``."""
        return self.confidence < REVIEW_THRESHOLD

    @property
    def review_reason(self) -> str:
        """Reason for a review as a sentence; empty if none is needed."""
        return f"No class reaches {100 * REVIEW_THRESHOLD:.0f}\u00a0%." if self.needs_review else ""


@dataclass(frozen=True)
class _LoadedModel:
    """A version with its interpreter."""

    signature: Signature
    runner: LiteRtRunner

    def classify(self, picture: np.ndarray) -> Prediction:
        """Classify a canonical picture ``(256, 256, 3) uint8``."""
        probabilities = self.runner.probabilities(picture).tolist()
        scores = zip(self.signature.classes, probabilities, strict=True)
        ordered = dict(sorted(scores, key=lambda score: -score[1]))
        label, confidence = next(iter(ordered.items()))
        return Prediction(label, confidence, ordered, self.signature.name)


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
        self._loaded: OrderedDict[int, _LoadedModel] = OrderedDict()
        self._lock = threading.Lock()

    def predict(self, data: bytes, model: str = PRODUCTION, timeout: float | None = None) -> Prediction:
        """Classify a picture file and log the prediction.

        Args:
            data: The bytes of the file.
            model: A version or alias; the newest version stands in for production while none is.
            timeout: Maximum seconds to wait while other pictures are decoded; None for no limit.

        Raises:
            RejectedPicture: The bytes cannot be decoded as a picture.
            Overloaded: Decoding did not start within ``timeout`` seconds.
            NotReady: There is no model yet.
            NotFound: There is no such version or alias.
            Corrupt: The version's file does not match its hash.
            BrokenModel: The version's file cannot be loaded here.
        """
        loaded = self._load(model)
        with self._decoder.decoded(data, timeout=timeout) as decoded:
            picture = canonical(decoded.image, loaded.signature.fit)
        prediction = loaded.classify(picture)
        logged = LoggedPrediction(
            loaded.signature.number,
            hashlib.sha256(data).hexdigest(),
            prediction.label,
            prediction.confidence,
            prediction.scores,
            prediction.needs_review,
        )
        return replace(prediction, prediction_id=self._predictions.add(logged))

    def predict_unlogged(self, frame: np.ndarray, model: str = PRODUCTION) -> Prediction:
        """Classify one camera frame, ``(height, width, 3) uint8``, without logging it.

        Raises:
            NotReady: There is no model yet.
            NotFound: There is no such version or alias.
            Corrupt: The version's file does not match its hash.
            BrokenModel: The version's file cannot be loaded here.
        """
        loaded = self._load(model)
        return loaded.classify(canonical(Image.fromarray(frame), loaded.signature.fit))

    def signature(self, model: str = PRODUCTION) -> Signature:
        """Classes and resize mode of a version.

        Raises:
            NotReady: There is no model yet.
            NotFound: There is no such version or alias.
            Corrupt: The version's file does not match its hash.
            BrokenModel: The version's file cannot be loaded here.
        """
        return self._load(model).signature

    def stand_in(self) -> Version | None:
        """The newest version if none is in production, else None: it answers for production meanwhile."""
        return None if self._registry.production() else self._newest()

    def _load(self, name: str) -> _LoadedModel:
        version = self._in_production() if name == PRODUCTION else self._registry.get(name)
        with self._lock:
            loaded = self._loaded.get(version.number)
            if loaded is None:
                loaded = self._load_file(version)
                self._loaded[version.number] = loaded
            self._loaded.move_to_end(version.number)
            while len(self._loaded) > KEPT_LOADED:
                self._loaded.popitem(last=False)
        return loaded

    def _in_production(self) -> Version:
        version = self._registry.production() or self._newest()
        if version is None:
            raise NotReady(NO_MODEL)
        return version

    def _newest(self) -> Version | None:
        return next(iter(self._registry.versions()), None)

    def _load_file(self, version: Version) -> _LoadedModel:
        file = self._registry.file(version, MODEL_FILE)
        try:
            return _LoadedModel(Signature.of(version), LiteRtRunner(file, THREADS))
        except (ValueError, RuntimeError) as error:
            raise BrokenModel(
                f"Model {version.name} cannot be loaded here. Promote another version."
            ) from error

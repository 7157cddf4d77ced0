"""Fits the head on the current labels and writes suggestions, the labelling queue and suspected label errors."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace

import numpy as np

from storage.learning.embeddings import EmbeddedImages, Embedder
from storage.learning.suggestions import Suggestions
from workbench.active_learning import linear_head, query_strategy
from workbench.active_learning.label_errors import find_label_issues, out_of_sample_probabilities
from workbench.imaging.phash import groups
from workbench.stores import Stores

QUEUE_LENGTH = 200
"""Length of the queue of pictures to label next."""
CANDIDATES = 3000
SEEN = 3000
WORTH_WRITING = 0.005
"""Minimum change of a probability that is written: the UI rounds to whole percents."""
MIN_GROUPS = 10
CHECKED_TOGETHER = 10000


@dataclass(frozen=True)
class FitResult:
    """Result of a fit; ``accuracy`` is out of fold, None if there are too few pictures to estimate it."""

    labels: int
    accuracy: float | None
    temperature: float


@dataclass(frozen=True)
class CatalogueProbabilities:
    """Probabilities of a head for every embedded picture: ``probabilities`` is ``(N, C) float16``, ``classes`` ``(C,)`` ids."""

    classes: np.ndarray
    probabilities: np.ndarray


def digest(images: EmbeddedImages, embedder: Embedder) -> str:
    """Hash of the embedded pictures, their labels and dismissals."""
    content = hashlib.sha256(embedder.name.encode())
    for part in (images.ids, images.classes, images.cleared):
        content.update(np.ascontiguousarray(part).tobytes())
    return content.hexdigest()[:16]


def update_suggestions(stores: Stores, embedder: Embedder, images: EmbeddedImages) -> FitResult:
    """Fit a head, and write suggestions and the queue of pictures to label next."""
    labelled = _learnable_positions(images)
    training = labelled[
        linear_head.sample(images.classes[labelled], linear_head.MAX_TRAINING_PICTURES, seed=0)
    ]
    if len(training) == 0:
        stores.suggestions.delete_suggestions(list(stores.suggestions.suggested()))
        stores.suggestions.save_queue(_labelling_queue(stores, embedder, images, None))
        return FitResult(0, None, 1.0)
    vectors = _load_vectors(stores, embedder, images, training)
    classes = images.classes[training]
    head, accuracy = fit_head(vectors, classes, _groups(images, training))
    predictions = _predict_all(stores, embedder, images, head)
    _write_suggestions(stores.suggestions, images, predictions)
    stores.suggestions.save_queue(_labelling_queue(stores, embedder, images, predictions))
    return FitResult(int(np.sum(images.classes > 0)), accuracy, head.temperature)


def update_label_errors(stores: Stores, embedder: Embedder, images: EmbeddedImages) -> int:
    """Find suspected label errors and write them; returns their number.

    More than ``CHECKED_TOGETHER`` pictures are divided into parts stratified by class, so that memory and time stay bounded.
    """
    labelled = _learnable_positions(images)
    by_class = labelled[np.argsort(images.classes[labelled], kind="stable")]
    parts = max(1, -(-len(by_class) // CHECKED_TOGETHER))
    rows = [
        row for part in range(parts) for row in _label_issues(stores, embedder, images, by_class[part::parts])
    ]
    stores.suggestions.save_suspicions(rows)
    return len(rows)


def _label_issues(
    stores: Stores, embedder: Embedder, images: EmbeddedImages, part: np.ndarray
) -> list[tuple[int, int, int, float]]:
    """Rows ``(image id, given class id, likely class id, score)`` of the suspected label errors among the pictures at ``part``."""
    checked = np.sort(part[linear_head.learnable_mask(images.classes[part])])
    group = _groups(images, checked)
    if _too_few(group):
        return []
    classes = images.classes[checked]
    class_ids = np.unique(classes)
    vectors = _load_vectors(stores, embedder, images, checked)
    issues = find_label_issues(
        out_of_sample_probabilities(vectors, classes, group), np.searchsorted(class_ids, classes)
    )
    return [
        (int(images.ids[checked[position]]), int(classes[position]), int(class_ids[likely]), float(score))
        for position, likely, score in zip(issues.positions, issues.likely, issues.score, strict=True)
        if not images.cleared[checked[position]]
    ]


def _learnable_positions(images: EmbeddedImages) -> np.ndarray:
    labelled = np.flatnonzero(images.classes > 0)
    return np.asarray(labelled[linear_head.learnable_mask(images.classes[labelled])])


def _too_few(group: np.ndarray) -> bool:
    """Whether there are too few near-duplicate groups for cross-validation."""
    return len(np.unique(group)) < MIN_GROUPS


def _groups(images: EmbeddedImages, positions: np.ndarray) -> np.ndarray:
    return groups([images.hashes[position] for position in positions])


def fit_head(
    vectors: np.ndarray, classes: np.ndarray, group: np.ndarray
) -> tuple[linear_head.Head, float | None]:
    """Fit a head; with enough pictures also its temperature and its out-of-fold accuracy.

    Args:
        vectors: ``(N, dimensions)`` embeddings.
        classes: ``(N,)`` class ids, of two classes at least.
        group: ``(N,)``: near-duplicates have the same number.
    """
    head = linear_head.fit(vectors, classes)
    if _too_few(group):
        return head, None
    logits = linear_head.out_of_fold_logits(vectors, classes, group)
    correct = np.unique(classes)[logits.argmax(axis=1)] == classes
    return replace(head, temperature=linear_head.temperature(logits, classes)), float(correct.mean())


def _predict_all(
    stores: Stores, embedder: Embedder, images: EmbeddedImages, head: linear_head.Head
) -> CatalogueProbabilities:
    """Probabilities of the head, in the order of ``images``."""
    probabilities = np.zeros((len(images.ids), len(head.classes)), dtype=np.float16)
    for ids, vectors in stores.embeddings.vectors(embedder):
        positions = np.searchsorted(images.ids, ids)
        present = (positions < len(images.ids)) & (
            images.ids[np.minimum(positions, len(images.ids) - 1)] == ids
        )
        probabilities[positions[present]] = head.probabilities(vectors[present])
    return CatalogueProbabilities(head.classes, probabilities)


def _write_suggestions(
    suggestions: Suggestions, images: EmbeddedImages, predictions: CatalogueProbabilities
) -> None:
    """Write the suggestions that changed, and withdraw those of pictures that are labelled now."""
    present = suggestions.suggested()
    rows = []
    for position in np.flatnonzero(images.classes == 0).tolist():
        column = int(predictions.probabilities[position].argmax())
        probability = round(float(predictions.probabilities[position, column]), 3)
        image_id, class_id = int(images.ids[position]), int(predictions.classes[column])
        old_class_id, old_probability = present.get(image_id, (0, -1.0))
        if old_class_id != class_id or abs(old_probability - probability) >= WORTH_WRITING:
            rows.append((image_id, class_id, probability))
    suggestions.save_suggestions(rows)
    needed = set(images.ids[images.classes == 0].tolist())
    suggestions.delete_suggestions([image_id for image_id in present if image_id not in needed])


def _labelling_queue(
    stores: Stores, embedder: Embedder, images: EmbeddedImages, predictions: CatalogueProbabilities | None
) -> list[int]:
    """Ids of pictures to label next."""
    unlabelled = np.flatnonzero(images.classes == 0)
    candidates = query_strategy.preselect(
        unlabelled, predictions.probabilities if predictions else None, CANDIDATES
    )
    if len(candidates) == 0:
        return []
    labelled = np.flatnonzero(images.classes > 0)
    labelled_sample = labelled[linear_head.sample(images.classes[labelled], SEEN, seed=0)]
    pool = query_strategy.Pool(
        vectors=_load_vectors(stores, embedder, images, candidates),
        seen=_load_vectors(stores, embedder, images, labelled_sample),
        probabilities=predictions.probabilities[candidates].astype(np.float32) if predictions else None,
        counts=np.array([np.sum(images.classes == class_) for class_ in predictions.classes])
        if predictions
        else None,
    )
    return [
        int(image_id)
        for image_id in images.ids[candidates[query_strategy.select_pictures(pool, QUEUE_LENGTH)]]
    ]


def _load_vectors(
    stores: Stores, embedder: Embedder, images: EmbeddedImages, positions: np.ndarray
) -> np.ndarray:
    return stores.embeddings.of(embedder, images.ids[positions])

"""Suggestions and what to label next, from the labels that there are."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace

import numpy as np

from storage.learning.embeddings import EmbeddedImages, Embedder
from storage.learning.suggestions import Suggestions
from workbench.active_learning import linear_head, query_strategy
from workbench.active_learning.label_errors import believed, find_label_issues
from workbench.imaging.phash import groups
from workbench.stores import Stores

LINED_UP = 200
"""Pictures that are chosen at once to be labelled next."""
CANDIDATES = 3000
SEEN = 3000
WORTH_WRITING = 0.005
"""Least change of a probability that is written: what people see is rounded to a percent."""
LEAST_JUDGED = 10
CHECKED_TOGETHER = 10000


@dataclass(frozen=True)
class FitResult:
    """What came of learning; ``accuracy`` is out of fold, None where there is too little to tell."""

    labels: int
    accuracy: float | None
    temperature: float


@dataclass(frozen=True)
class CatalogueProbabilities:
    """What a head says of every embedded picture: ``probabilities`` is ``(N, C) float16``, ``classes`` ``(C,)`` ids."""

    classes: np.ndarray
    probabilities: np.ndarray


def digest(known: EmbeddedImages, embedder: Embedder) -> str:
    """A text that changes with the embedded pictures, their labels and what was dismissed."""
    content = hashlib.sha256(embedder.name.encode())
    for part in (known.ids, known.classes, known.cleared):
        content.update(np.ascontiguousarray(part).tobytes())
    return content.hexdigest()[:16]


def learn(stores: Stores, embedder: Embedder, known: EmbeddedImages) -> FitResult:
    """Fit a head, write suggestions and what to label next."""
    labelled = _learnable(known)
    chosen = labelled[linear_head.sample(known.classes[labelled], linear_head.MOST_LEARNT, seed=0)]
    if len(chosen) == 0:
        stores.insight.withdraw(list(stores.insight.suggested()))
        stores.insight.save_queue(_next(stores, embedder, known, None))
        return FitResult(0, None, 1.0)
    vectors = _vectors(stores, embedder, known, chosen)
    classes = known.classes[chosen]
    fitted, accuracy = fit_head(vectors, classes, _groups(known, chosen))
    answers = _answers(stores, embedder, known, fitted)
    _suggest(stores.insight, known, answers)
    stores.insight.save_queue(_next(stores, embedder, known, answers))
    return FitResult(int(np.sum(known.classes > 0)), accuracy, fitted.temperature)


def check(stores: Stores, embedder: Embedder, known: EmbeddedImages) -> int:
    """Find suspicious labels and write them; gives how many.

    Very many pictures are dealt out into parts, each with its share of every class, so that memory and time stay bounded.
    """
    labelled = _learnable(known)
    dealt = labelled[np.argsort(known.classes[labelled], kind="stable")]
    parts = max(1, -(-len(dealt) // CHECKED_TOGETHER))
    rows = [row for part in range(parts) for row in _suspects(stores, embedder, known, dealt[part::parts])]
    stores.insight.suspect(rows)
    return len(rows)


def _suspects(
    stores: Stores, embedder: Embedder, known: EmbeddedImages, dealt: np.ndarray
) -> list[tuple[int, int, int, float]]:
    """Image id, given and likely class id and score of the suspicious ones among some pictures."""
    chosen = np.sort(dealt[linear_head.learnable(known.classes[dealt])])
    group = _groups(known, chosen)
    if _too_few(group):
        return []
    classes = known.classes[chosen]
    names = np.unique(classes)
    vectors = _vectors(stores, embedder, known, chosen)
    found = find_label_issues(believed(vectors, classes, group), np.searchsorted(names, classes))
    return [
        (int(known.ids[chosen[place]]), int(classes[place]), int(names[likely]), float(score))
        for place, likely, score in zip(found.positions, found.likely, found.score, strict=True)
        if not known.cleared[chosen[place]]
    ]


def _learnable(known: EmbeddedImages) -> np.ndarray:
    labelled = np.flatnonzero(known.classes > 0)
    return np.asarray(labelled[linear_head.learnable(known.classes[labelled])])


def _too_few(group: np.ndarray) -> bool:
    """Whether there are too few different pictures to tell by some of them how right the others are."""
    return len(np.unique(group)) < LEAST_JUDGED


def _groups(known: EmbeddedImages, chosen: np.ndarray) -> np.ndarray:
    return groups([known.hashes[place] for place in chosen])


def fit_head(
    vectors: np.ndarray, classes: np.ndarray, group: np.ndarray
) -> tuple[linear_head.Head, float | None]:
    """A head with its temperature, and its accuracy out of fold; of too few pictures neither of the two can be told.

    Args:
        vectors: ``(N, dimensions)`` embeddings.
        classes: ``(N,)`` class ids, of two classes at least.
        group: ``(N,)``: near-duplicates have the same number.
    """
    fitted = linear_head.fit(vectors, classes)
    if _too_few(group):
        return fitted, None
    logits = linear_head.out_of_fold(vectors, classes, group)
    right = np.unique(classes)[logits.argmax(axis=1)] == classes
    return replace(fitted, temperature=linear_head.temperature(logits, classes)), float(right.mean())


def _answers(
    stores: Stores, embedder: Embedder, known: EmbeddedImages, fitted: linear_head.Head
) -> CatalogueProbabilities:
    """What the head says, in the order of ``known``."""
    answers = np.zeros((len(known.ids), len(fitted.classes)), dtype=np.float16)
    for ids, vectors in stores.embeddings.vectors(embedder):
        places = np.searchsorted(known.ids, ids)
        there = (places < len(known.ids)) & (known.ids[np.minimum(places, len(known.ids) - 1)] == ids)
        answers[places[there]] = fitted.probabilities(vectors[there])
    return CatalogueProbabilities(fitted.classes, answers)


def _suggest(insight: Suggestions, known: EmbeddedImages, answers: CatalogueProbabilities) -> None:
    """Write those suggestions that changed, and withdraw those that are no longer needed."""
    present = insight.suggested()
    rows = []
    for place in np.flatnonzero(known.classes == 0).tolist():
        column = int(answers.probabilities[place].argmax())
        probability = round(float(answers.probabilities[place, column]), 3)
        image_id, class_id = int(known.ids[place]), int(answers.classes[column])
        before, then = present.get(image_id, (0, -1.0))
        if before != class_id or abs(then - probability) >= WORTH_WRITING:
            rows.append((image_id, class_id, probability))
    insight.suggest(rows)
    needed = set(known.ids[known.classes == 0].tolist())
    insight.withdraw([each for each in present if each not in needed])


def _next(
    stores: Stores, embedder: Embedder, known: EmbeddedImages, answers: CatalogueProbabilities | None
) -> list[int]:
    """Ids of pictures to label next."""
    left = np.flatnonzero(known.classes == 0)
    chosen = query_strategy.candidates(left, answers.probabilities if answers else None, CANDIDATES)
    if len(chosen) == 0:
        return []
    labelled = np.flatnonzero(known.classes > 0)
    seen = labelled[linear_head.sample(known.classes[labelled], SEEN, seed=0)]
    pool = query_strategy.Pool(
        vectors=_vectors(stores, embedder, known, chosen),
        seen=_vectors(stores, embedder, known, seen),
        probabilities=answers.probabilities[chosen].astype(np.float32) if answers else None,
        counts=np.array([np.sum(known.classes == class_) for class_ in answers.classes]) if answers else None,
    )
    return [int(each) for each in known.ids[chosen[query_strategy.choose(pool, LINED_UP)]]]


def _vectors(stores: Stores, embedder: Embedder, known: EmbeddedImages, places: np.ndarray) -> np.ndarray:
    return stores.embeddings.of(embedder, known.ids[places])

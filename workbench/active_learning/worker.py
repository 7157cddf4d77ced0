"""The active-learning worker process: ``python -m workbench.active_learning.worker``.

It does the work that is due, waits a while for more, and exits. Results are written in batches, so that a killed worker loses at
most one batch and the next one continues from there.
"""

from __future__ import annotations

import logging
import os
import time
from pathlib import Path

import numpy as np

from storage.core.errors import DiskFull, DomainError
from storage.core.timestamps import now
from storage.learning.embeddings import Embedder, UnembeddedImage
from workbench.active_learning import projection, worker_state
from workbench.active_learning.embedders import (
    KERAS_FILE,
    Embed,
    EmbedderChoice,
    available_embedders,
    best_available,
)
from workbench.active_learning.fit_suggestions import digest, update_label_errors, update_suggestions
from workbench.active_learning.hog_embedding import hog_embeddings
from workbench.core.privacy import restrict_process
from workbench.core.processes import alive, started_at
from workbench.core.settings import Settings, from_environment
from workbench.stores import Stores, open_stores

log = logging.getLogger("insight")
NICENESS = 19
BATCH = 64
PAUSE_SECONDS = 0.3
LINGER_SECONDS = 60.0
"""How long the worker waits for more labels before it exits and frees its memory."""
QUIET_SECONDS = 1.0
"""The head is fitted only after this many seconds without changes, so that rapid labels are learnt together."""
SETTLED_SECONDS = 3.0
BETWEEN_SECONDS = 3.0
CANNOT = "{name} cannot be used here: {reason}"


class ActiveLearningWorker:
    """The work of one worker process, in small steps."""

    def __init__(self, stores: Stores, settings: Settings) -> None:
        self._stores = stores
        self._settings = settings
        self._state = worker_state.read(stores.preferences)
        self._loaded: tuple[str, Embed] | None = None
        self._last_image_id = 0  # id of the last picture checked for a missing embedding in this pass
        self._embedded = ""  # stamp of the pictures for which no embedding is missing
        self._last_stamp = ""
        self._changed_at = 0.0
        self._next_fit_time = 0.0
        self._refresh_request = self._state.asked

    def run(self, linger: float = LINGER_SECONDS) -> None:
        """Work until there was nothing to do for ``linger`` seconds, or a training run starts."""
        idle_since = time.monotonic()
        while time.monotonic() - idle_since <= linger:
            self._check_refresh_request()
            if self._must_yield():
                log.info("a run trains; giving way")
                return
            if self.step():
                idle_since = time.monotonic()
            else:
                time.sleep(PAUSE_SECONDS)

    def step(self) -> bool:
        """Do one step of the work that is due; returns False if nothing is due now."""
        self._check_refresh_request()
        choice = best_available(available_embedders(self._stores, self._settings), self._state.failed)
        stamp = f"{choice.name} {self._stores.suggestions.stamp()}"
        if stamp == self._state.done:
            return False
        if stamp != self._last_stamp:
            self._last_stamp, self._changed_at = stamp, time.monotonic()
        active = self._active()
        if (active and self._fit_if_due(active)) or self._embed(choice):
            return True
        return active is not None and self._is_settled() and self._check_and_map(active, stamp)

    def up_to_date(self) -> bool:
        """Whether all work is done for the current catalogue."""
        choice = best_available(available_embedders(self._stores, self._settings), self._state.failed)
        return self._state.done == f"{choice.name} {self._stores.suggestions.stamp()}"

    def _must_yield(self) -> bool:
        return not self._refresh_pending() and bool(self._stores.runs.active())

    def _check_refresh_request(self) -> None:
        request = worker_state.asked(self._stores.preferences)
        if request not in {self._state.asked, self._refresh_request}:
            self._refresh_request = request
            self._state.done = self._state.learnt = self._state.checked = self._state.mapped = ""
            self._state.failed, self._state.landmarks = {}, 0
            self._write()

    def _refresh_pending(self) -> bool:
        """Whether a refresh was requested and is not finished."""
        return self._refresh_request != self._state.asked

    def _is_settled(self) -> bool:
        return self._refresh_pending() or time.monotonic() - self._changed_at >= SETTLED_SECONDS

    def _active(self) -> Embedder | None:
        return self._stores.embeddings.named(self._state.embedder) if self._state.embedder else None

    def _fit_if_due(self, active: Embedder) -> bool:
        start = time.monotonic()
        if start < self._next_fit_time or (
            start - self._changed_at < QUIET_SECONDS and not self._refresh_pending()
        ):
            return False
        images = self._stores.embeddings.known(active)
        content = digest(images, active)
        if content == self._state.learnt:
            return False
        self._phase("learning")
        fit_result = update_suggestions(self._stores, active, images)
        self._state.learnt = content
        self._state.labels, self._state.accuracy = fit_result.labels, fit_result.accuracy
        self._state.temperature, self._state.trained_at = fit_result.temperature, now()
        self._write()
        duration = time.monotonic() - start
        self._next_fit_time = time.monotonic() + max(BETWEEN_SECONDS, 2 * duration)
        return True

    def _embed(self, choice: EmbedderChoice) -> bool:
        """Embed the next batch of pictures; once none is missing, switch to the new embeddings."""
        pictures_stamp = f"{choice.name} {self._stores.suggestions.pictures_stamp()}"
        if pictures_stamp == self._embedded:
            return False
        embedder = self._stores.embeddings.named(choice.name)
        missing = self._stores.embeddings.missing(embedder.id if embedder else 0, self._last_image_id, BATCH)
        if not missing:
            self._last_image_id, self._embedded = 0, pictures_stamp
            return embedder is not None and self._finish_embedding(choice, embedder)
        self._phase("embedding")
        try:
            embedded = self._embed_batch(choice, missing)
        except DiskFull:
            raise
        except Exception as error:
            if choice.kind == "built-in":
                raise
            log.exception("%s failed", choice.name)
            reason = str(error) if isinstance(error, DomainError) else "its file cannot be loaded."
            self._state.failed[choice.name] = CANNOT.format(name=choice.name, reason=reason)
            self._write()
            return True
        self._last_image_id = missing[-1].image_id
        if choice.name == self._state.embedder or not self._state.embedder:
            self._use(choice)
            self._state.embedded += embedded
        self._state.unreadable += len(missing) - embedded
        self._write()
        return True

    def _embed_batch(self, choice: EmbedderChoice, missing: list[UnembeddedImage]) -> int:
        decoded = [(image, self._picture(image, choice.fit)) for image in missing]
        readable = [(image.image_id, picture) for image, picture in decoded if picture is not None]
        if readable:
            vectors = self._embedding(choice)(np.stack([picture for _, picture in readable]))
            embedder = self._stores.embeddings.embedder(choice.name, choice.kind, vectors.shape[1])
            self._stores.embeddings.add(embedder.id, [image_id for image_id, _ in readable], vectors)
        return len(readable)

    def _picture(self, image: UnembeddedImage, fit: str) -> np.ndarray | None:
        try:
            return self._stores.derivatives.canonical(image.sha256, fit)
        except DiskFull:
            raise
        except (DomainError, ValueError):
            log.warning("picture %s cannot be read", image.image_id)
            return None

    def _embedding(self, choice: EmbedderChoice) -> Embed:
        if self._loaded is None or self._loaded[0] != choice.name:
            self._loaded = (choice.name, _load(choice, self._stores))
        return self._loaded[1]

    def _finish_embedding(self, choice: EmbedderChoice, embedder: Embedder) -> bool:
        """All readable pictures are embedded: use this embedder from now on and delete the embeddings of others."""
        self._use(choice)
        self._stores.suggestions.delete_of_missing_files()
        for other in self._stores.embeddings.others(embedder.id):
            self._stores.embeddings.drop(other.id)
        self._state.embedded = self._stores.embeddings.count(embedder.id)
        self._state.unreadable = self._stores.suggestions.pictures()[0] - self._state.embedded
        self._write()
        return True

    def _use(self, choice: EmbedderChoice) -> None:
        if choice.name != self._state.embedder:
            self._state.embedder, self._state.kind, self._state.landmarks = choice.name, choice.kind, 0

    def _check_and_map(self, active: Embedder, stamp: str) -> bool:
        """Work that is delayed until nothing has changed for a moment: label errors, then the projection."""
        images = self._stores.embeddings.known(active)
        content, pictures = digest(images, active), f"{active.name} {projection.fingerprint(images.ids)}"
        if content != self._state.learnt:
            return False  # fitting is delayed for a moment, and has priority then
        if content != self._state.checked:
            self._phase("checking")
            update_label_errors(self._stores, active, images)
            self._state.checked = content
        elif pictures != self._state.mapped:
            self._phase("mapping")
            self._state.landmarks = projection.update_projection(
                self._stores, active, images.ids, self._state.landmarks
            )
            self._state.mapped = pictures
        else:
            self._state.done, self._state.phase, self._state.asked = stamp, "", self._refresh_request
        self._write()
        return True

    def _phase(self, name: str) -> None:
        if self._state.phase != name:
            log.info("%s", name)
            self._state.phase = name
            self._write()

    def _write(self) -> None:
        worker_state.write(self._stores.preferences, self._state)


def _load(choice: EmbedderChoice, stores: Stores) -> Embed:
    if choice.kind == "built-in":
        return hog_embeddings
    # Imported here since TensorFlow takes seconds and half a gigabyte, and the built-in embedding does not need it.
    from workbench.training.engine import embedding

    if choice.kind == "backbone":
        return embedding.backbone_embedder(Path(choice.source))
    return embedding.penultimate_embedder(
        stores.registry.file(stores.registry.get(choice.source), KERAS_FILE)
    )


def main() -> None:
    """Run the worker unless another process holds the lease."""
    restrict_process()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s %(message)s")
    os.nice(NICENESS)
    settings = from_environment(os.environ)
    stores = open_stores(settings)
    if not stores.suggestions.claim(os.getpid(), started_at(os.getpid()), alive):
        log.info("another worker is there already")
        return
    ActiveLearningWorker(stores, settings).run()


if __name__ == "__main__":
    main()

"""The worker process of the model's help: ``python -m workbench.active_learning.worker``.

It does what is due, waits a while for more, and ends. Everything is written in batches, so that a worker that is killed
loses one batch at most and the next one goes on from there.
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
from workbench.active_learning.embedders import KERAS_FILE, Embed, EmbedderChoice, best, choices
from workbench.active_learning.fit_suggestions import check, digest, learn
from workbench.active_learning.hog_embedding import describe
from workbench.core.privacy import begin_private
from workbench.core.processes import alive, started_at
from workbench.core.settings import Settings, from_environment
from workbench.stores import Stores, open_stores

log = logging.getLogger("insight")
NICENESS = 19
BATCH = 64
PAUSE_SECONDS = 0.3
LINGER_SECONDS = 60.0
"""How long the worker waits for more labels before it gives its memory back."""
QUIET_SECONDS = 1.0
"""Labels that come faster than this are learnt together."""
SETTLED_SECONDS = 3.0
BETWEEN_SECONDS = 3.0
BETWEEN_WHILE_EMBEDDING = 20.0
CANNOT = "{name} cannot be used here: {reason}"


class ActiveLearningWorker:
    """One life of the worker, step by step."""

    def __init__(self, stores: Stores, settings: Settings) -> None:
        self._stores = stores
        self._settings = settings
        self._state = worker_state.read(stores.preferences)
        self._loaded: tuple[str, Embed] | None = None
        self._last = 0  # id of the picture up to which this pass has looked for missing embeddings
        self._embedded = ""  # the pictures for which no embedding is missing
        self._seen = ""
        self._changed_at = 0.0
        self._learn_again_at = 0.0
        self._heard = self._state.asked

    def run(self, linger: float = LINGER_SECONDS) -> None:
        """Work until nothing was left to do for ``linger`` seconds, or a training run begins."""
        idle_since = time.monotonic()
        while time.monotonic() - idle_since <= linger:
            self._hear()
            if self._gives_way():
                log.info("a run trains; giving way")
                return
            if self.step():
                idle_since = time.monotonic()
            else:
                time.sleep(PAUSE_SECONDS)

    def step(self) -> bool:
        """Do one piece of what is due; False where nothing is due now."""
        self._hear()
        choice = best(choices(self._stores, self._settings), self._state.failed)
        stamp = f"{choice.name} {self._stores.insight.stamp()}"
        if stamp == self._state.done:
            return False
        if stamp != self._seen:
            self._seen, self._changed_at = stamp, time.monotonic()
        active = self._active()
        if (active and self._learn(active)) or self._embed(choice):
            return True
        return active is not None and self._settled() and self._settle(active, stamp)

    def up_to_date(self) -> bool:
        """Whether everything is done for the catalogue as it is now."""
        choice = best(choices(self._stores, self._settings), self._state.failed)
        return self._state.done == f"{choice.name} {self._stores.insight.stamp()}"

    def _gives_way(self) -> bool:
        return not self._asked() and bool(self._stores.runs.active())

    def _hear(self) -> None:
        asked = worker_state.asked(self._stores.preferences)
        if asked not in {self._state.asked, self._heard}:
            self._heard = asked
            self._state.done = self._state.learnt = self._state.checked = self._state.mapped = ""
            self._state.failed, self._state.landmarks = {}, 0
            self._write()

    def _asked(self) -> bool:
        """Whether somebody waits for everything to be done anew."""
        return self._heard != self._state.asked

    def _settled(self) -> bool:
        return self._asked() or time.monotonic() - self._changed_at >= SETTLED_SECONDS

    def _active(self) -> Embedder | None:
        return self._stores.embeddings.named(self._state.embedder) if self._state.embedder else None

    def _learn(self, active: Embedder) -> bool:
        moment = time.monotonic()
        if moment < self._learn_again_at or (moment - self._changed_at < QUIET_SECONDS and not self._asked()):
            return False
        known = self._stores.embeddings.known(active)
        content = digest(known, active)
        if content == self._state.learnt:
            return False
        self._phase("learning")
        learnt = learn(self._stores, active, known)
        self._state.learnt = content
        self._state.labels, self._state.accuracy = learnt.labels, learnt.accuracy
        self._state.temperature, self._state.trained_at = learnt.temperature, now()
        self._write()
        took = time.monotonic() - moment
        self._learn_again_at = time.monotonic() + max(BETWEEN_SECONDS, 2 * took)
        return True

    def _embed(self, choice: EmbedderChoice) -> bool:
        """Embed the next pictures; once none is missing, use what was embedded."""
        pictures = f"{choice.name} {self._stores.insight.pictures_stamp()}"
        if pictures == self._embedded:
            return False
        target = self._stores.embeddings.named(choice.name)
        waiting = self._stores.embeddings.missing(target.id if target else 0, self._last, BATCH)
        if not waiting:
            self._last, self._embedded = 0, pictures
            return target is not None and self._complete(choice, target)
        self._phase("embedding")
        try:
            done = self._embed_these(choice, waiting)
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
        self._last = waiting[-1].image_id
        if choice.name == self._state.embedder or not self._state.embedder:
            self._use(choice)
            self._state.embedded += done
        self._state.unreadable += len(waiting) - done
        self._write()
        return True

    def _embed_these(self, choice: EmbedderChoice, waiting: list[UnembeddedImage]) -> int:
        found = [(each, self._picture(each, choice.fit)) for each in waiting]
        readable = [(each.image_id, picture) for each, picture in found if picture is not None]
        if readable:
            vectors = self._embedding(choice)(np.stack([picture for _, picture in readable]))
            embedder = self._stores.embeddings.embedder(choice.name, choice.kind, vectors.shape[1])
            self._stores.embeddings.add(embedder.id, [key for key, _ in readable], vectors)
        return len(readable)

    def _picture(self, waiting: UnembeddedImage, fit: str) -> np.ndarray | None:
        try:
            return self._stores.media.canonical(waiting.sha256, fit)
        except DiskFull:
            raise
        except (DomainError, ValueError):
            log.warning("picture %s cannot be read", waiting.image_id)
            return None

    def _embedding(self, choice: EmbedderChoice) -> Embed:
        if self._loaded is None or self._loaded[0] != choice.name:
            self._loaded = (choice.name, _load(choice, self._stores))
        return self._loaded[1]

    def _complete(self, choice: EmbedderChoice, target: Embedder) -> bool:
        """Every picture that can be read is embedded: from now on this is in use, and the others go."""
        self._use(choice)
        self._stores.insight.forget_emptied()
        for other in self._stores.embeddings.others(target.id):
            self._stores.embeddings.drop(other.id)
        self._state.embedded = self._stores.embeddings.count(target.id)
        self._state.unreadable = self._stores.insight.pictures()[0] - self._state.embedded
        self._write()
        return True

    def _use(self, choice: EmbedderChoice) -> None:
        if choice.name != self._state.embedder:
            self._state.embedder, self._state.kind, self._state.landmarks = choice.name, choice.kind, 0

    def _settle(self, active: Embedder, stamp: str) -> bool:
        """What can wait until nobody has changed anything for a moment: suspicions, then the map."""
        known = self._stores.embeddings.known(active)
        content, pictures = digest(known, active), f"{active.name} {projection.fingerprint(known.ids)}"
        if content != self._state.learnt:
            return False  # held back for a moment, and then first
        if content != self._state.checked:
            self._phase("checking")
            check(self._stores, active, known)
            self._state.checked = content
        elif pictures != self._state.mapped:
            self._phase("mapping")
            self._state.landmarks = projection.draw(self._stores, active, known.ids, self._state.landmarks)
            self._state.mapped = pictures
        else:
            self._state.done, self._state.phase, self._state.asked = stamp, "", self._heard
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
        return describe
    # Here, not above: TensorFlow takes seconds and half a gigabyte, and the built-in embedding does without.
    from workbench.training.engine import embedding

    if choice.kind == "backbone":
        return embedding.backbone(Path(choice.source))
    return embedding.penultimate(stores.registry.file(stores.registry.get(choice.source), KERAS_FILE))


def main() -> None:
    """Be the worker, unless another one is at work."""
    begin_private()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s %(message)s")
    os.nice(NICENESS)
    settings = from_environment(os.environ)
    stores = open_stores(settings)
    if not stores.insight.claim(os.getpid(), started_at(os.getpid()), alive):
        log.info("another worker is there already")
        return
    ActiveLearningWorker(stores, settings).run()


if __name__ == "__main__":
    main()

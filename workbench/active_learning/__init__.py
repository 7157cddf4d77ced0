"""Active learning: embeddings, suggestions, query strategy, label errors, 2D projection. Imports no TensorFlow.

A worker process (``python -m workbench.active_learning.worker``) computes everything and writes it to the database in short
transactions; the web process starts it when there is work and reads the results. ``services.active_learning`` is a
:class:`workbench.active_learning.service.ActiveLearning`:

* ``status() -> Status``: ``enabled, running: bool``, ``phase: str`` (``embedding``, ``learning``, ``checking``,
  ``mapping`` or empty), ``embedder: str``, ``kind: str`` (``backbone``, ``version``, ``built-in`` or empty),
  ``embedded, pictures, unreadable: int``, ``labels: int`` (number of labels that the head was trained on),
  ``trained_at: str``, ``accuracy: float | None`` (out of fold), ``suggestions, next_up, suspicious, mapped: int``,
  ``sentence: str`` (status for the user, one or two sentences).
* ``refresh() -> Status``: requests that the worker computes everything anew, even while a run trains.
* ``suggestions(limit=60, after=None) -> list[Suggestion]``: by ascending probability. ``Suggestion``: ``image_id: int``,
  ``label: str``, ``colour: str``, ``probability: float``. A picture's own is in ``ImageRecord.suggestion/probability``.
* ``next_images(count=60) -> list[int]``: ids of unlabelled pictures, the most useful to label first; also
  ``Filter(sort="next")``.
* ``suspicious(limit=60) -> list[Suspicion]``: worst first. ``Suspicion``: ``image_id, revision: int``,
  ``sha256, filename: str``, ``given, given_colour, likely, likely_colour: str``, ``score: float`` (0 to 1: 1 less
  the probability of the given class). Dismissed ones, archived pictures and those whose class changed
  since are never among them.
* ``accept(image_ids, actor, revisions=None) -> (changed, event ids)``: relabels each with its likely class, one event per
  class.
* ``dismiss(image_ids, actor, revisions=None) -> (changed, event id | None)``: stays dismissed until the class
  changes.
* ``points(limit=5000) -> list[Point]``: ``Point``: ``image_id: int``, ``x, y: float``, ``label, colour, split: str``
  (empty where there is none), ``suspicion: float`` (0 where not suspicious), ``sha256: str``.
* ``similar(image_id, count=12) -> list[Similar]``: ``Similar``: ``image_id: int``, ``similarity: float`` (cosine),
  nearest first, without the picture itself. Raises ``NotFound`` (no such picture) or ``NotReady`` (no embedding yet).

The records are in :mod:`storage.learning.suggestions`. The embedder is chosen in :mod:`workbench.active_learning.embedders`.
"""

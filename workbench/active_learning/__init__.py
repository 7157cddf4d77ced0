"""The model's help: embeddings, suggestions, what to label next, suspicious labels, a map. Knows no TensorFlow.

A worker process (``python -m workbench.active_learning.worker``) computes everything and writes it to the database in short
transactions; the web process starts it where there is work and reads. ``services.insight`` is a
:class:`workbench.active_learning.service.ActiveLearning`:

* ``status() -> Status``: ``enabled, running: bool``, ``phase: str`` (``embedding``, ``learning``, ``checking``,
  ``mapping`` or empty), ``embedder: str``, ``kind: str`` (``backbone``, ``version``, ``built-in`` or empty),
  ``embedded, pictures, unreadable: int``, ``labels: int`` (on how many labels the suggestions were learnt),
  ``trained_at: str``, ``accuracy: float | None`` (out of fold), ``suggestions, next_up, suspicious, mapped: int``,
  ``sentence: str`` (one or two sentences for people: what stands, or what is needed first).
* ``refresh() -> Status``: asks the worker to do everything anew, also while a run trains.
* ``suggestions(limit=60, after=None) -> list[Suggestion]``: least sure first. ``Suggestion``: ``image_id: int``,
  ``label: str``, ``colour: str``, ``probability: float``. A picture's own is in ``ImageRecord.suggestion/probability``.
* ``next_images(count=60) -> list[int]``: ids of unlabelled pictures, the most useful to label first; also
  ``Filter(sort="next")``.
* ``suspicious(limit=60) -> list[Suspicion]``: worst first. ``Suspicion``: ``image_id, revision: int``,
  ``sha256, filename: str``, ``given, given_colour, likely, likely_colour: str``, ``score: float`` (0 to 1: 1 less
  the probability of the given class). Dismissed ones, archived pictures and those whose class changed
  since are never among them.
* ``accept(image_ids, actor, revisions=None) -> (changed, event ids)``: labels each with its likely class, an event a
  class.
* ``dismiss(image_ids, actor, revisions=None) -> (changed, event id | None)``: it stays dismissed while the class is the
  same.
* ``points(limit=5000) -> list[Point]``: ``Point``: ``image_id: int``, ``x, y: float``, ``label, colour, split: str``
  (empty where there is none), ``suspicion: float`` (0 where not suspicious), ``sha256: str``.
* ``similar(image_id, count=12) -> list[Similar]``: ``Similar``: ``image_id: int``, ``similarity: float`` (cosine),
  nearest first, without the picture itself. Raises ``NotFound`` (no such picture) or ``NotReady`` (no embedding yet).

The records are in :mod:`storage.learning.suggestions`. What makes the embeddings is chosen in :mod:`workbench.active_learning.embedders`.
"""

"""The bin: archived pictures, which can be restored until the bin is emptied."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from storage.core.blobs import Blobs
from storage.core.errors import Conflict, DomainError
from workbench.stores import Stores

CONFIRMATION_WORDS = "empty the bin"
RUN_UNDER_WAY = "A training run is under way and may read these files. Empty the bin when it has ended."
EMPTY_ALREADY = "The bin is empty already."
NOT_CONFIRMED = "Emptying the bin cannot be undone. Type {count} (so many pictures are in it now) or “{words}” to confirm."
# Pictures whose files are removed per transaction, so that other writers wait only milliseconds.
AT_ONCE = 50


class Trash:
    """Permanently removes the pictures in the bin."""

    def __init__(self, stores: Stores) -> None:
        self._stores = stores
        self._blobs = Blobs(stores.root / "blobs")

    def empty(self, confirm: str, actor: str) -> int:
        """Permanently remove all pictures in the bin with all their files.

        Args:
            confirm: The number of pictures in the bin, or the words ``empty the bin``.
            actor: The acting user.

        Returns:
            The number of removed pictures.

        Raises:
            Conflict: A training run is active, which may read the files, or the bin is already empty.
            DomainError: ``confirm`` does not match; nothing is removed.
        """
        with self._stores.database.write():
            self._require_no_active_run()
            _require_confirmation(confirm, self._stores.curation.in_bin())
            removed = self._stores.edits.empty_bin(actor)
        for batch in _batched(removed, AT_ONCE):
            self._remove_files(batch)
        return len(removed)

    def _require_no_active_run(self) -> None:
        if self._stores.runs.active():
            raise Conflict(RUN_UNDER_WAY)

    def _remove_files(self, sha256s: Sequence[str]) -> None:
        # In a transaction: a concurrent import of the same file has either committed, or sees that the file is gone.
        with self._stores.database.write():
            for sha256 in self._stores.curation.emptied(sha256s):
                for kind in _blob_kinds(self._blobs.root):
                    self._blobs.drop(kind, sha256)


def _blob_kinds(root: Path) -> list[str]:
    return [path.name for path in root.iterdir() if path.is_dir()]


def _require_confirmation(confirm: str, count: int) -> None:
    if not count:
        raise Conflict(EMPTY_ALREADY)
    if " ".join(str(confirm).lower().replace(",", "").split()) not in {str(count), CONFIRMATION_WORDS}:
        raise DomainError(NOT_CONFIRMED.format(count=count, words=CONFIRMATION_WORDS))


def _batched(items: Sequence[str], max_items: int) -> Iterator[Sequence[str]]:
    for start in range(0, len(items), max_items):
        yield items[start : start + max_items]

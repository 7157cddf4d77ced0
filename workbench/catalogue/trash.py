"""The bin: pictures that were taken out of the catalogue and can come back, until it is emptied."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from storage.core.blobs import Blobs
from storage.core.errors import Conflict, DomainError
from workbench.stores import Stores

WORD = "empty the bin"
# Pictures whose files are removed in one write, so that others wait for milliseconds.
AT_ONCE = 50


class Trash:
    """Brings pictures back, or removes them for good."""

    def __init__(self, stores: Stores) -> None:
        self._stores = stores
        self._blobs = Blobs(stores.root / "blobs")

    def empty(self, confirm: str, actor: str) -> int:
        """Remove every picture of the bin with all its files; this cannot be undone.

        Args:
            confirm: How many pictures that is, as a number, or the words ``empty the bin``.
            actor: Who does it.

        Returns:
            How many pictures were removed.

        Raises:
            Conflict: A run is under way, which may read the files; or the bin is empty already.
            DomainError: ``confirm`` is something else; nothing is removed.
        """
        with self._stores.database.write():
            self._refuse_while_used()
            _refuse_other(confirm, self._stores.curation.in_bin())
            gone = self._stores.edits.empty_bin(actor)
        for batch in _batched(gone, AT_ONCE):
            self._remove_files(batch)
        return len(gone)

    def _refuse_while_used(self) -> None:
        if self._stores.runs.active():
            raise Conflict(
                "A training run is under way and may read these files. Empty the bin when it has ended."
            )

    def _remove_files(self, sha256s: Sequence[str]) -> None:
        # Within a write: an import that brings one of them back has either committed it, or sees that its file is gone.
        with self._stores.database.write():
            for sha256 in self._stores.curation.emptied(sha256s):
                for kind in _kinds(self._blobs.root):
                    self._blobs.drop(kind, sha256)


def _kinds(root: Path) -> list[str]:
    return [path.name for path in root.iterdir() if path.is_dir()]


def _refuse_other(confirm: str, count: int) -> None:
    if not count:
        raise Conflict("The bin is empty already.")
    if " ".join(str(confirm).lower().replace(",", "").split()) not in {str(count), WORD}:
        raise DomainError(
            f"Emptying the bin cannot be undone. Type {count} (so many pictures are in it now) or “{WORD}” to confirm."
        )


def _batched(items: Sequence[str], most: int) -> Iterator[Sequence[str]]:
    for start in range(0, len(items), most):
        yield items[start : start + most]

"""The bin: pictures that were taken out of the catalogue and can come back, until it is emptied."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path

from storage.blobs import Blobs
from storage.errors import Conflict, DomainError
from workbench.stores import Stores

WORD = "empty the bin"


class Bin:
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
            Conflict: A run or an import is under way, which may read the files.
            DomainError: ``confirm`` is something else; nothing is removed.
        """
        with self._stores.database.write():
            self._refuse_while_used()
            _refuse_other(confirm, self._stores.curation.in_bin())
            begun = time.time()
            gone = self._stores.edits.empty_bin(actor)
        self._remove_files(gone, begun)
        return len(gone)

    def _refuse_while_used(self) -> None:
        if self._stores.runs.active():
            raise Conflict(
                "A training run is under way and may read these files. Empty the bin when it has ended."
            )

    def _remove_files(self, sha256s: Sequence[str], begun: float) -> None:
        # A picture may have come back by an import in this moment: its row says so, or its file is young again.
        for sha256 in self._stores.curation.emptied(sha256s):
            for kind in _kinds(self._blobs.root):
                path = self._blobs.path(kind, sha256)
                if path.is_file() and path.stat().st_mtime < begun:
                    path.unlink(missing_ok=True)


def _kinds(root: Path) -> list[str]:
    return [each.name for each in root.iterdir() if each.is_dir()]


def _refuse_other(confirm: str, count: int) -> None:
    if not count:
        raise Conflict("The bin is empty already.")
    if " ".join(str(confirm).lower().replace(",", "").split()) not in {str(count), WORD}:
        raise DomainError(
            f"Emptying the bin cannot be undone. Type {count} (so many pictures are in it now) or “{WORD}” to confirm."
        )

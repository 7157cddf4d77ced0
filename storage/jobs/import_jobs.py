"""Imports as jobs: a row before it is a thread, and a row for each of its files."""

from __future__ import annotations

import json
import sqlite3
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from storage.core.database import Database
from storage.core.errors import Conflict, NotFound
from storage.core.timestamps import now
from storage.records import FLAGS

ACTIVE = "status IN ('queued', 'running')"
ENDED = ("finished", "stopped", "failed")
NO_IMPORT = "There is no import {id}."
IMPORT_ENDED = "Import {id} has ended already ({status}), so there is nothing to stop."
IMPORTED, PRESENT, REJECTED, READ = "imported", "already there", "rejected", "read"
COLUMNS = "id, actor, label, source, status, stop_requested, total, done, error, created_at, started_at, ended_at, tally"


class ImportRunsElsewhere(Conflict):
    """Another process carries the import out."""

    def __init__(self) -> None:
        super().__init__("Another process carries this import out. It goes on there.")


@dataclass(frozen=True)
class FileOutcome:
    """What became of one file.

    Attributes:
        file: Its name, with its folder within a zip.
        result: ``imported``, ``already there``, ``rejected``, or ``read``: a table that says what others are.
        reason: Why it was rejected.
        image_id: The picture that it is.
        label: The class that it came with.
        note: What else there is to know.
    """

    file: str
    result: str
    reason: str = ""
    image_id: int | None = None
    label: str = ""
    note: str = ""


@dataclass(frozen=True)
class DiscardedImage:
    """A picture that was taken out of the catalogue: into the bin, or for good with its files."""

    in_bin: bool
    class_id: int | None


@dataclass(frozen=True)
class ImportTally:
    """An import in figures.

    Attributes:
        results: Files by result.
        labels: Imported pictures by class; the empty name stands for unlabelled.
        begun_at: How many files were done when this process took it up.
        attempts: How often it was taken up there.
    """

    results: dict[str, int]
    labels: dict[str, int]
    begun_at: int = 0
    attempts: int = 0


@dataclass(frozen=True)
class Import:
    """An import. ``source`` is what it reads, as JSON of its own; ``total`` counts its files once it has begun."""

    id: int
    actor: str
    label: str
    source: dict[str, Any]
    status: str
    stop_requested: bool
    total: int
    done: int
    error: str
    created_at: str
    started_at: str | None
    ended_at: str | None
    tally: ImportTally

    @property
    def active(self) -> bool:
        """Whether it waits or runs."""
        return self.status not in ENDED


class ImportJobs:
    """The imports of the workbench, one after the other."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def create(self, actor: str, label: str, source: Mapping[str, Any]) -> int:
        """Queue an import and give its id."""
        with self._database.write() as connection:
            cursor = connection.execute(
                "INSERT INTO imports (actor, label, source, status, created_at, tally) "
                "VALUES (?, ?, ?, 'queued', ?, ?)",
                (actor, label, json.dumps(source), now(), json.dumps(asdict(ImportTally({}, {})))),
            )
        return int(cursor.lastrowid or 0)

    def get(self, import_id: int) -> Import:
        """One import.

        Raises:
            NotFound: There is no such import.
        """
        row = self._database.row(f"SELECT {COLUMNS} FROM imports WHERE id = ?", (import_id,))
        if row is None:
            raise NotFound(NO_IMPORT.format(id=import_id))
        return _import(row)

    def active(self) -> list[Import]:
        """Imports that run or wait, in their order."""
        return [
            _import(row)
            for row in self._database.rows(f"SELECT {COLUMNS} FROM imports WHERE {ACTIVE} ORDER BY id")
        ]

    def recent(self, limit: int = 20) -> list[Import]:
        """The newest imports, newest first."""
        sql = f"SELECT {COLUMNS} FROM imports ORDER BY id DESC LIMIT ?"
        return [_import(row) for row in self._database.rows(sql, (limit,))]

    def begin(self, import_id: int) -> Import | None:
        """Take an import up, where it was left or from the start; None where it has ended."""
        with self._database.write() as connection:
            job = self.get(import_id)
            if not job.active:
                return None
            again = job.tally.attempts if job.tally.begun_at == job.done else 0
            tally = {**asdict(job.tally), "begun_at": job.done, "attempts": again + 1}
            connection.execute(
                "UPDATE imports SET status = 'running', started_at = ?, tally = ? WHERE id = ?",
                (now(), json.dumps(tally), import_id),
            )
            return self.get(import_id)

    def size(self, import_id: int, total: int) -> None:
        """Write down how many files there are."""
        with self._database.write() as connection:
            connection.execute("UPDATE imports SET total = ? WHERE id = ?", (total, import_id))

    def record(self, import_id: int, done: int, outcomes: Sequence[FileOutcome | None]) -> bool:
        """Write what became of the next files, to be called within the write that takes their pictures in.

        Args:
            import_id: The import.
            done: How many files were done before these.
            outcomes: One for each file; None for what counts as done and has no row of its own.

        Returns:
            Whether it was asked to stop.

        Raises:
            CarriedOutElsewhere: The import has ended or got further meanwhile.
        """
        with self._database.write() as connection:
            current = self.get(import_id)
            if current.done != done or current.status != "running":
                raise ImportRunsElsewhere
            connection.executemany(
                "INSERT INTO import_files (import_id, position, file, result, reason, note, label, image_id) "
                "VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                [
                    (import_id, done + index, o.file, o.result, o.reason, o.note, o.label, o.image_id)
                    for index, o in enumerate(outcomes)
                    if o
                ],
            )
            total = done + len(outcomes)
            connection.execute(
                "UPDATE imports SET done = ?, total = max(total, ?), tally = ? WHERE id = ?",
                (
                    total,
                    total,
                    json.dumps(asdict(_added(current.tally, list(filter(None, outcomes))))),
                    import_id,
                ),
            )
        return current.stop_requested

    def request_stop(self, import_id: int) -> Import:
        """Ask an import to stop; one that still waits ends at once.

        Raises:
            NotFound: There is no such import.
            Conflict: It has ended already.
        """
        with self._database.write() as connection:
            if not (job := self.get(import_id)).active:
                raise Conflict(IMPORT_ENDED.format(id=import_id, status=job.status))
            connection.execute("UPDATE imports SET stop_requested = 1 WHERE id = ?", (import_id,))
            connection.execute(
                "UPDATE imports SET status = 'stopped', ended_at = ? WHERE id = ? AND status = 'queued'",
                (now(), import_id),
            )
        return self.get(import_id)

    def end(self, import_id: int, status: str, error: str = "") -> None:
        """End an import that is still active."""
        with self._database.write() as connection:
            connection.execute(
                f"UPDATE imports SET status = ?, error = ?, ended_at = ? WHERE id = ? AND {ACTIVE}",
                (status, error, now(), import_id),
            )

    def files(
        self, import_id: int, result: str = "", after: int = -1, limit: int = 200
    ) -> list[tuple[int, FileOutcome]]:
        """A page of what became of the files, in their order.

        Args:
            import_id: The import.
            result: Only files of this result; empty for all.
            after: The position of the last file of the page before.
            limit: Most files on the page.

        Returns:
            Position and outcome of each.
        """
        where = "import_id = ? AND position > ?" + (" AND result = ?" if result else "")
        rows = self._database.rows(
            "SELECT position, file, result, reason, image_id, label, note FROM import_files "
            f"WHERE {where} ORDER BY position LIMIT ?",
            (import_id, after, *([result] if result else []), limit),
        )
        return [(row[0], FileOutcome(*row[1:])) for row in rows]

    def every_file(self, import_id: int) -> Iterator[FileOutcome]:
        """What became of each file, in their order, read page by page."""
        after = -1
        while page := self.files(import_id, after=after, limit=1000):
            yield from (outcome for _, outcome in page)
            after = page[-1][0]

    def discarded(self, sha256s: Sequence[str]) -> dict[str, DiscardedImage]:
        """Those of the pictures that were taken out of the catalogue, by sha256."""
        rows = self._database.rows(
            "SELECT sha256, archived, class_id FROM images "
            "WHERE archived > 0 AND sha256 IN (SELECT value FROM json_each(?))",
            (json.dumps(list(sha256s)),),
        )
        return {row["sha256"]: DiscardedImage(row["archived"] == 1, row["class_id"]) for row in rows}

    def filenames(self) -> Iterator[tuple[int, str]]:
        """Id and file name of each picture of the catalogue, by id."""
        last = 0
        sql = "SELECT id, filename FROM images WHERE archived = 0 AND id > ? ORDER BY id LIMIT 5000"
        while rows := self._database.rows(sql, (last,)):
            yield from ((row["id"], row["filename"]) for row in rows)
            last = rows[-1]["id"]

    def noted(self, import_id: int, limit: int = 200) -> list[tuple[str, str]]:
        """The first files that have a note, with it."""
        rows = self._database.rows(
            "SELECT file, note FROM import_files WHERE import_id = ? AND note != '' ORDER BY position LIMIT ?",
            (import_id, limit),
        )
        return [(row["file"], row["note"]) for row in rows]

    def flags(self, import_id: int) -> dict[str, int]:
        """How many of the imported pictures that are still there have each quality flag."""
        rows = self._database.rows(
            "SELECT i.flags, count(*) AS n FROM import_files f JOIN images i ON i.id = f.image_id "
            "WHERE f.import_id = ? AND f.result = ? AND i.flags AND i.archived = 0 GROUP BY i.flags",
            (import_id, IMPORTED),
        )
        counts = {
            flag: sum(row["n"] for row in rows if row["flags"] >> bit & 1) for bit, flag in enumerate(FLAGS)
        }
        return {flag: count for flag, count in counts.items() if count}


def _added(tally: ImportTally, outcomes: Sequence[FileOutcome]) -> ImportTally:
    results, labels = Counter(tally.results), Counter(tally.labels)
    results.update(outcome.result for outcome in outcomes)
    labels.update(outcome.label for outcome in outcomes if outcome.result == IMPORTED)
    return ImportTally(dict(results), dict(labels), tally.begun_at, tally.attempts)


def _import(row: sqlite3.Row) -> Import:
    values = dict(row)
    values["source"] = json.loads(values["source"])
    values["stop_requested"] = bool(values["stop_requested"])
    values["tally"] = ImportTally(**{"results": {}, "labels": {}, **json.loads(values["tally"])})
    return Import(**values)

"""The one registry: immutable model versions and the aliases that move between them."""

from __future__ import annotations

import hashlib
import json
import shutil
import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import astuple, dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

from storage.core.database import Database
from storage.core.errors import Conflict, Corrupt, NotFound
from storage.core.files import sync, write_atomic
from storage.core.timestamps import now
from storage.records import AliasEvent, ValidationPrediction, Version
from storage.training.run_attempts import RunAttempt
from storage.training.runs import add_predictions, prediction_rows

MANIFEST = "manifest.json"
PRODUCTION = "production"
ARRIVING = ".arriving-"
LOST_AND_FOUND = "lost+found"
UNKNOWN_VERSION = "There is no model version or alias “{name}”. The versions are: {known}."


@dataclass(frozen=True)
class VersionCandidate:
    """What a run attempt submits: a folder with the model files, and the content of the manifest."""

    attempt: RunAttempt
    snapshot_id: int
    folder: Path
    manifest: Mapping[str, Any]
    best_epoch: int
    stopped: bool
    note: str
    predictions: Sequence[ValidationPrediction]


@dataclass(frozen=True)
class _AliasMove:
    """An alias that is to point to a version from now on."""

    alias: str
    number: int
    reason: str
    actor: str
    roll_back: bool = False


class Registry:
    """Model versions.

    Args:
        database: Where rows live.
        root: Where the folders ``v1``, ``v2``, ... live.
    """

    def __init__(self, database: Database, root: Path) -> None:
        root.mkdir(parents=True, exist_ok=True)
        self._database = database
        self.root = root

    def register(self, candidate: VersionCandidate) -> Version:
        """Move a run's folder into the registry, give it the next number and end its run, all or nothing.

        Whatever takes long comes before the transaction, so that no other writer waits for it.

        Raises:
            Superseded: The run has ended already, or another worker has it; its folder stays where it is.
        """
        with self._database.write() as connection:
            candidate.attempt.require(connection)
        hashes = _hashes(candidate.folder)
        rows = prediction_rows(candidate.attempt.run_id, candidate.predictions)
        arriving = self.root / _arriving(candidate.attempt.run_id, candidate.attempt.number)
        shutil.rmtree(arriving, ignore_errors=True)
        shutil.move(candidate.folder, arriving)
        try:
            with self._database.write() as connection:
                candidate.attempt.require(connection)
                number = _add_version(connection, candidate, hashes, arriving)
                add_predictions(connection, rows)
                _end_run(connection, candidate, f"v{number}")
                self._put_aside(f"v{number}")
                arriving.rename(self.root / f"v{number}")
        except BaseException:
            shutil.rmtree(arriving, ignore_errors=True)
            raise
        return self.get(f"v{number}")

    def tidy(self) -> None:
        """Remove what interrupted registrations and deletions left; a folder that no version knows is put aside."""
        # Within a transaction: none of another process is between its files and its row then.
        with self._database.write() as connection:
            running = connection.execute("SELECT id, attempt FROM runs WHERE status = 'running'")
            kept = {_arriving(*row) for row in running}
            deleted = dict(connection.execute("SELECT 'v' || number, deleted_at FROM versions").fetchall())
            names = [folder.name for folder in self.root.iterdir()]
            for name in names:
                if is_version_name(name) and name not in deleted:
                    self._put_aside(name)
        for name in names:
            if deleted.get(name) or (name.startswith(ARRIVING) and name not in kept):
                shutil.rmtree(self.root / name, ignore_errors=True)

    def _put_aside(self, name: str) -> None:
        """Make the place of a version free: a folder without a row is what an interrupted registration left behind."""
        aside = self.root.parent / LOST_AND_FOUND / self.root.name
        if (self.root / name).exists():
            aside.mkdir(parents=True, exist_ok=True)
            (self.root / name).rename(aside / f"{name}-{uuid4().hex}")

    def versions(self) -> list[Version]:
        """All versions that were not deleted, newest first."""
        rows = self._database.rows(f"{_VERSIONS} WHERE v.deleted_at IS NULL ORDER BY v.number DESC")
        return [_version(row) for row in rows]

    def get(self, name: str) -> Version:
        """A version by its name or by an alias that points to it.

        Raises:
            NotFound: There is no such version or alias.
        """
        version = self._lookup(name)
        if version is None:
            known = ", ".join(version.name for version in self.versions()) or "none yet"
            raise NotFound(UNKNOWN_VERSION.format(name=str(name)[:80], known=known))
        return version

    def _lookup(self, name: str) -> Version | None:
        number = int(name[1:19]) if is_version_name(name) else None
        row = self._database.row(
            f"{_VERSIONS} WHERE v.deleted_at IS NULL AND v.number = {_NAMED}", (name, number)
        )
        return _version(row) if row else None

    def metrics(self, name: str) -> dict[str, Any]:
        """The validation metrics of a version, also of a deleted one."""
        text = self._database.value("SELECT manifest FROM versions WHERE 'v' || number = ?", (name,))
        metrics: dict[str, Any] = json.loads(text)["metrics"]
        return metrics

    def production(self) -> Version | None:
        """The version in production, or None."""
        return self._lookup(PRODUCTION)

    def file(self, version: Version, name: str) -> Path:
        """A file of a version or its manifest, checked against its hash.

        Raises:
            Corrupt: The file is gone or no longer what was registered.
        """
        path = self.root / version.name / name
        wanted = version.manifest_sha256 if name == MANIFEST else version.manifest["files"].get(name)
        if wanted is None or not path.is_file() or _sha256(path) != wanted:
            raise Corrupt(
                f"{name} of model {version.name} is missing or no longer matches its hash, so it is not used. "
                "Promote another version, or restore the file from a backup."
            )
        return path

    def size(self, version: Version) -> int:
        """Bytes that the files of a version take on disk."""
        return sum(path.stat().st_size for path in (self.root / version.name).glob("*"))

    def promote(self, name: str, alias: str, reason: str, actor: str) -> Version:
        """Point an alias at a version and remember why.

        Raises:
            NotFound: There is no such version.
        """
        with self._database.write() as connection:
            version = self.get(name)
            _point(connection, _AliasMove(alias, version.number, reason, actor))
        return self.get(version.name)

    def roll_back(self, alias: str, reason: str, actor: str) -> Version:
        """Point an alias at the version it pointed to before.

        Raises:
            Conflict: There is no earlier version that is still there.
        """
        with self._database.write() as connection:
            previous = _previous(connection, alias)
            if previous is None:
                raise Conflict(f"{alias} has no earlier version to go back to.")
            _point(connection, _AliasMove(alias, previous, reason or "rolled back", actor, roll_back=True))
        return self.get(f"v{previous}")

    def previous(self, alias: str) -> Version | None:
        """The version that :meth:`roll_back` would go to, None where there is none."""
        number = _previous(self._database.connection(), alias)
        return None if number is None else self.get(f"v{number}")

    def delete(self, name: str) -> None:
        """Delete a version; its number is never used again.

        Raises:
            NotFound: There is no such version.
            Conflict: An alias points to it.
        """
        with self._database.write() as connection:
            version = self.get(name)
            pointing = connection.execute(
                "SELECT alias FROM aliases WHERE number = ?", (version.number,)
            ).fetchone()
            if pointing is not None:
                raise Conflict(
                    f"{version.name} is in use as {pointing['alias']}, so it cannot be deleted. "
                    "Promote another version first."
                )
            connection.execute("UPDATE versions SET deleted_at = ? WHERE number = ?", (now(), version.number))
        shutil.rmtree(self.root / version.name, ignore_errors=True)

    def history(self, alias: str) -> list[AliasEvent]:
        """Every move of an alias, newest first."""
        rows = self._database.rows("SELECT * FROM alias_events WHERE alias = ? ORDER BY id DESC", (alias,))
        return [_alias_event(row) for row in rows]


def is_version_name(name: str) -> bool:
    """Whether a name looks like that of a version: ``v1``, ``v2``, ..."""
    return isinstance(name, str) and name[:1] == "v" and name[1:].isascii() and name[1:].isdigit()


_VERSIONS = """
SELECT v.*, (SELECT json_group_array(alias) FROM aliases a WHERE a.number = v.number) AS aliases FROM versions v
"""
_NAMED = "coalesce((SELECT number FROM aliases WHERE alias = ?), ?)"


def _next_number(connection: sqlite3.Connection) -> int:
    last = connection.execute("SELECT seq FROM sqlite_sequence WHERE name = 'versions'").fetchone()
    return int(last["seq"]) + 1 if last else 1


def _hashes(folder: Path) -> dict[str, str]:
    """SHA-256 of each file of a folder by name; all of it is on the disk afterwards, not only in the system's memory."""
    files = [path for path in sorted(folder.iterdir()) if path.is_file() and path.name != MANIFEST]
    for path in (*files, folder):
        sync(path)
    return {path.name: _sha256(path) for path in files}


def _arriving(run_id: int, attempt: int) -> str:
    """The name of the folder in which the files of an attempt wait for their number."""
    return f"{ARRIVING}{run_id}.{attempt}"


def _add_version(
    connection: sqlite3.Connection, candidate: VersionCandidate, hashes: Mapping[str, str], folder: Path
) -> int:
    """Write the row and the manifest of a version, whose number is known only now."""
    number, run_id = _next_number(connection), candidate.attempt.run_id
    manifest = {**candidate.manifest, "version": f"v{number}", "run_id": run_id, "files": hashes}
    text = json.dumps(manifest, indent=2, sort_keys=True, ensure_ascii=False)
    write_atomic(folder / MANIFEST, text.encode())
    digest = hashlib.sha256(text.encode()).hexdigest()
    connection.execute(
        "INSERT INTO versions (number, run_id, snapshot_id, manifest_sha256, manifest, created_at) "
        "VALUES (?, ?, ?, ?, ?, ?)",
        (number, run_id, candidate.snapshot_id, digest, text, now()),
    )
    return number


def _end_run(connection: sqlite3.Connection, candidate: VersionCandidate, version: str) -> None:
    status = "stopped" if candidate.stopped else "finished"
    connection.execute(
        "UPDATE runs SET status = ?, version = ?, best_epoch = ?, error = ?, ended_at = ?, phase = '' "
        "WHERE id = ?",
        (status, version, candidate.best_epoch, candidate.note or None, now(), candidate.attempt.run_id),
    )


def _point(connection: sqlite3.Connection, move: _AliasMove) -> None:
    before = connection.execute("SELECT number FROM aliases WHERE alias = ?", (move.alias,)).fetchone()
    connection.execute(
        "INSERT INTO aliases (alias, number) VALUES (?, ?) ON CONFLICT (alias) DO UPDATE SET number = excluded.number",
        (move.alias, move.number),
    )
    connection.execute(
        "INSERT INTO alias_events (alias, number, reason, actor, roll_back, previous, created_at) "
        "VALUES (?, ?, ?, ?, ?, ?, ?)",
        (*astuple(move), before["number"] if before else None, now()),
    )


def _previous(connection: sqlite3.Connection, alias: str) -> int | None:
    """The version before the present one: promotions put one on a stack, roll-backs take them off."""
    rows = connection.execute(
        "SELECT e.number, e.roll_back, v.deleted_at FROM alias_events e JOIN versions v ON v.number = e.number "
        "WHERE e.alias = ? ORDER BY e.id",
        (alias,),
    ).fetchall()
    stack: list[int] = []
    for row in rows:
        if row["roll_back"]:
            del stack[_last(stack, row["number"]) + 1 :]
        else:
            stack.append(row["number"])
    passed_over = {row["number"] for row in rows if row["deleted_at"]} | set(stack[-1:])
    return next((number for number in reversed(stack) if number not in passed_over), None)


def _last(stack: Sequence[int], number: int) -> int:
    return len(stack) - 1 - stack[::-1].index(number)


def _version(row: sqlite3.Row) -> Version:
    return Version(
        number=row["number"],
        run_id=row["run_id"],
        snapshot_id=row["snapshot_id"],
        manifest=json.loads(row["manifest"]),
        manifest_sha256=row["manifest_sha256"],
        aliases=tuple(sorted(json.loads(row["aliases"]))),
        created_at=row["created_at"],
    )


def _alias_event(row: sqlite3.Row) -> AliasEvent:
    previous = row["previous"]
    return AliasEvent(
        id=row["id"],
        alias=row["alias"],
        version=f"v{row['number']}",
        previous=None if previous is None else f"v{previous}",
        reason=row["reason"],
        actor=row["actor"],
        created_at=row["created_at"],
    )


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()

"""Whether the database agrees with itself, and how it is brought back to that."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby

from storage.core.database import Database
from storage.journal.changes import FIELDS, TABLES, EventHeader
from storage.journal.events import Journal
from storage.records import Change

LISTED = 20
PAGE = 2_000
COUNTED = """
SELECT archived, coalesce(class_id, 0) AS class_id, split, synthetic, flags, review, count(*) AS n
FROM images GROUP BY 1, 2, 3, 4, 5, 6
"""
KEPT = "SELECT archived, class_id, split, synthetic, flags, review, n FROM tallies WHERE n != 0"
IN_COLUMN = "SELECT DISTINCT value AS tag, images.id AS image_id FROM images, json_each(images.tags) WHERE tags != '[]'"
IN_TABLE = "SELECT tag, image_id FROM image_tags"
SIDED_WRONGLY = "FROM images i JOIN image_sides k ON k.image_id = i.id WHERE i.split != k.split"
SORTED_WRONGLY = """
FROM images i JOIN sort_keys k ON k.image_id = i.id
WHERE i.next_key IS NOT k.next_key OR i.unsure_key IS NOT k.unsure_key OR i.suspicion_key IS NOT k.suspicion_key
"""
JOURNALED = """
SELECT c.entity_id, c.field, c.before, c.after,
       e.undone_by IS NOT NULL AND NOT EXISTS (SELECT 1 FROM changes u WHERE u.event_id = e.undone_by) AS taken_back
FROM changes c JOIN events e ON e.id = c.event_id
WHERE c.entity = ? AND c.entity_id > ? AND c.entity_id <= ? ORDER BY c.entity_id, c.field, c.event_id
"""


@dataclass(frozen=True)
class FieldDifferences:
    """Fields that are not what the journal says, as changes from that to what is there; and rows that are not there."""

    wrong: list[Change]
    missing: list[tuple[str, int]]


@dataclass(frozen=True)
class _IdRange:
    """The pictures or classes whose ids are above ``after`` and at most ``PAGE`` further."""

    entity: str
    after: int

    @property
    def parameters(self) -> tuple[str, int, int]:
        return self.entity, self.after, self.after + PAGE


class ConsistencyChecks:
    """Checks and repairs of the database; memory stays small however many pictures there are."""

    def __init__(self, database: Database, journal: Journal) -> None:
        self._database = database
        self._journal = journal

    def integrity_check(self) -> list[str]:
        """What SQLite has to say against the file; empty where it is whole.

        Raises:
            sqlite3.DatabaseError: The file is too damaged even for that.
        """
        rows = self._database.rows(f"PRAGMA integrity_check({LISTED})")
        return [str(row[0]) for row in rows if row[0] != "ok"]

    def reindex(self) -> None:
        """Build every index again."""
        with self._database.write() as connection:
            connection.execute("REINDEX")

    def dangling_references(self) -> Iterator[str]:
        """Rows that refer to rows that are not there, in words."""
        for row in self._database.connection().execute("PRAGMA foreign_key_check"):
            yield f"{row['table']} {row['rowid'] or ''} refers to {row['parent']}"

    def count_mismatches(self) -> list[sqlite3.Row]:
        """Rows of the tallies that are not a count of the pictures, and those counts."""
        return self._difference(COUNTED, KEPT)

    def repair_counts(self) -> None:
        """Write the tallies again."""
        with self._database.write() as connection:
            connection.execute("DELETE FROM tallies")
            connection.execute(
                f"INSERT INTO tallies (archived, class_id, split, synthetic, flags, review, n) {COUNTED}"
            )

    def tag_mismatches(self) -> list[sqlite3.Row]:
        """Tags that only the pictures or only the table of tags have."""
        return self._difference(IN_COLUMN, IN_TABLE)

    def repair_tags(self) -> None:
        """Write the table of tags again."""
        with self._database.write() as connection:
            connection.execute("DELETE FROM image_tags")
            connection.execute(f"INSERT INTO image_tags (tag, image_id) {IN_COLUMN}")

    def split_mismatches(self) -> int:
        """How many pictures are on a side that is neither chosen by hand nor that of the snapshot used last."""
        return int(self._database.value(f"SELECT count(*) {SIDED_WRONGLY}"))

    def repair_splits(self) -> None:
        """Put every picture on its side again."""
        with self._database.write() as connection:
            connection.execute(
                f"UPDATE images SET split = n.split FROM (SELECT i.id, k.split {SIDED_WRONGLY}) n WHERE images.id = n.id"
            )

    def missorted(self) -> int:
        """How many pictures have a sort key that is not what the tables of the model's help say."""
        return int(self._database.value(f"SELECT count(*) {SORTED_WRONGLY}"))

    def sort_again(self) -> None:
        """Write the sort keys of every picture again."""
        with self._database.write() as connection:
            connection.execute(
                "UPDATE images SET next_key = n.next_key, unsure_key = n.unsure_key, suspicion_key = n.suspicion_key "
                f"FROM (SELECT k.* {SORTED_WRONGLY}) n WHERE images.id = n.image_id"
            )

    def search_index_mismatches(self) -> bool:
        """Whether the search for names knows every picture by its own name; holds writers up while it looks."""
        if self._database.value("SELECT 1 FROM images WHERE name_key != casefold(filename) LIMIT 1"):
            return False
        try:
            with self._database.write() as connection:
                connection.execute(
                    "INSERT INTO image_names (image_names, rank) VALUES ('integrity-check', 1)"
                )
        except sqlite3.DatabaseError as error:
            if "malformed" in str(error):
                return False
            raise
        return True

    def rebuild_search_index(self) -> None:
        """Write the index of the search for names again."""
        with self._database.write() as connection:
            connection.execute(
                "UPDATE images SET name_key = casefold(filename) WHERE name_key != casefold(filename)"
            )
            connection.execute("INSERT INTO image_names (image_names) VALUES ('rebuild')")

    def unjournaled(self, actor: str = "") -> Iterator[FieldDifferences]:
        """Play the journal, some thousand pictures at a time, and compare what comes out with what is there.

        Args:
            actor: Who writes what is there into the journal as a change, so that the two agree again; nobody where empty.
        """
        for entity, table in TABLES.items():
            last = self._database.value(
                f"SELECT max((SELECT coalesce(max(id), 0) FROM {table}), "
                "(SELECT coalesce(max(entity_id), 0) FROM changes WHERE entity = ?))",
                (entity,),
            )
            for after in range(0, last, PAGE):
                # Within one write, so that nothing changes between the reading of a picture and of its journal.
                with self._database.write() as connection:
                    differences = _compared(connection, _IdRange(entity, after))
                    if differences.wrong and actor:
                        self._journal.apply(
                            connection,
                            EventHeader("repair", actor, "wrote down what was there"),
                            differences.wrong,
                        )
                yield differences

    def _difference(self, one: str, other: str) -> list[sqlite3.Row]:
        return self._database.rows(
            f"SELECT * FROM ({one} EXCEPT {other}) UNION ALL SELECT * FROM ({other} EXCEPT {one})"
        )


def _compared(connection: sqlite3.Connection, stretch: _IdRange) -> FieldDifferences:
    differences, present = FieldDifferences([], []), _present(connection, stretch)
    for entity_id, field, value in _played(connection, stretch):
        if entity_id not in present:
            differences.missing.append((stretch.entity, entity_id))
        elif present[entity_id][field] != value:
            differences.wrong.append(
                Change(stretch.entity, entity_id, field, value, present[entity_id][field])
            )
    return differences


def _present(connection: sqlite3.Connection, stretch: _IdRange) -> dict[int, sqlite3.Row]:
    columns = ", ".join(["id", *FIELDS[stretch.entity]])
    rows = connection.execute(
        f"SELECT {columns} FROM {TABLES[stretch.entity]} WHERE id > ? AND id <= ?", stretch.parameters[1:]
    )
    return {row["id"]: row for row in rows}


def _played(connection: sqlite3.Connection, stretch: _IdRange) -> Iterator[tuple[int, str, object]]:
    """What each field is by the journal: the newest change, else what was before all of them.

    Undoing is a change of its own; in the journals of early versions it was only a mark on the change it took back.
    """
    rows = connection.execute(JOURNALED, stretch.parameters)
    for (entity_id, field), group in groupby(rows, key=lambda row: (row["entity_id"], row["field"])):
        changes = list(group)
        standing = [row["after"] for row in changes if not row["taken_back"]]
        yield entity_id, field, standing[-1] if standing else changes[0]["before"]

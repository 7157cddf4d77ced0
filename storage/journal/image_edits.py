"""Changes to pictures. Each is one event of the journal: all of it or nothing."""

from __future__ import annotations

import json
import sqlite3
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import replace

from storage.core.database import Database
from storage.core.errors import Conflict, DomainError, NotFound
from storage.journal import changes
from storage.journal.changes import EventHeader, FieldUpdate
from storage.queries import image_rows
from storage.queries.image_rows import counted
from storage.records import ClassRecord

Done = tuple[int, int | None]
SIDES = {
    "": "back to the automatic split",
    "train": "to training",
    "validation": "to validation",
    "test": "to the test pictures",
}
LONGEST_TAG, MOST_TAGS, LONGEST_NOTE = 40, 20, 2000
TOO_LONG = "{what} has at most {longest:,} characters; this one has {length:,}."
CONTROL_CHARACTERS = "{what} cannot have control characters. Write it as plain text."
BLANK_TAG = "A tag needs at least one character that is not a blank."
CLASS_REMOVED = "The class “{name}” was removed in the meantime. Nothing was changed."
NOTHING_TO_REVIEW = "A picture without a class has nothing to review. Label it first; nothing was changed."
OWN_LABEL = "You labelled this picture yourself, so somebody else has to review it. Nothing was changed."
LABEL = {
    "class_id": ":to",
    "labelled_by": "CASE WHEN :to IS NULL THEN '' WHEN i.class_id IS :to THEN i.labelled_by ELSE :actor END",
    "review": "iif(i.review = 'disagreed' AND :to IS NOT NULL, 'agreed', '')",
    "reviewed_by": "iif(i.review = 'disagreed' AND :to IS NOT NULL, :actor, '')",
    "review_class_id": "NULL",
}
SUGGESTED = "(SELECT s.class_id FROM suggestions s WHERE s.image_id = i.id)"
OPEN = (
    "i.class_id IS NULL AND EXISTS (SELECT 1 FROM suggestions s JOIN classes c ON c.id = s.class_id "
    "WHERE s.image_id = i.id AND c.removed = 0)"
)
REVIEW = {
    "review": "iif(i.class_id = :to, 'agreed', 'disagreed')",
    "reviewed_by": ":actor",
    "review_class_id": "iif(i.class_id = :to, NULL, :to)",
}
TAGS = """(SELECT json_group_array(tag) FROM (
    SELECT value AS tag FROM json_each(i.tags) UNION SELECT value FROM json_each(:add)
    EXCEPT SELECT value FROM json_each(:remove) ORDER BY 1))"""


class ImageEdits:
    """Labels, reviews, tags, notes, splits by hand, and the bin.

    Each edit gives how many pictures changed and the event's id, None where nothing changed. Each raises ``NotFound``
    where a picture or class is not there and ``StaleEdit`` where one of ``revisions`` (the revision that a picture had
    when it was shown, by id) is not that of now; nothing is changed then.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def label(
        self,
        image_ids: Sequence[int],
        to: ClassRecord | None,
        actor: str,
        revisions: Mapping[int, int] | None = None,
    ) -> Done:
        """Give pictures a class, or none. Where a second opinion disagreed, this settles it."""
        edit = FieldUpdate(LABEL, "i.class_id IS NOT :to OR i.review = 'disagreed'")
        edit = replace(edit, parameters={"to": to.id if to else None, "actor": actor})
        verb = f"as {to.name}" if to else "as not labelled"
        with self._database.write() as connection:
            image_rows.require(connection, image_ids)
            image_rows.check_revisions(connection, revisions or {})
            _refuse_removed(connection, to)
            return _carry_out(
                connection, EventHeader("label", actor, f"labelled {{}} {verb}"), image_ids, edit
            )

    def accept_suggestions(
        self, image_ids: Sequence[int], actor: str, revisions: Mapping[int, int] | None = None
    ) -> Done:
        """Label those of the pictures that have no class yet but a suggestion with what is suggested."""
        edit = FieldUpdate({"class_id": SUGGESTED, "labelled_by": ":actor"}, OPEN, {"actor": actor})
        with self._database.write() as connection:
            image_rows.require(connection, image_ids)
            image_rows.check_revisions(connection, revisions or {})
            entry = EventHeader("label", actor, "labelled {} as suggested")
            return _carry_out(connection, entry, image_ids, edit)

    def archive(
        self, image_ids: Sequence[int], actor: str, revisions: Mapping[int, int] | None = None
    ) -> Done:
        """Put pictures into the bin."""
        with self._database.write() as connection:
            image_rows.require(connection, image_ids)
            image_rows.check_revisions(connection, revisions or {})
            entry = EventHeader("archive", actor, "removed {}")
            return _carry_out(connection, entry, image_ids, FieldUpdate({"archived": "1"}, "true"))

    def restore(self, image_ids: Sequence[int], actor: str) -> Done:
        """Take pictures out of the bin."""
        with self._database.write() as connection:
            image_rows.require(connection, image_ids, archived=1)
            entry = EventHeader("restore", actor, "brought {} back from the bin")
            return _carry_out(connection, entry, image_ids, FieldUpdate({"archived": "0"}, "true"))

    def pin(self, image_ids: Sequence[int], side: str, actor: str) -> Done:
        """Put pictures on a side of the split by hand; an empty side leaves them to the automatic split again.

        Raises:
            DomainError: The side is none of ``train``, ``validation``, ``test`` and empty.
        """
        if side not in SIDES:
            raise DomainError(f"The side is “{str(side)[:40]}”; it can be train, validation, test or empty.")
        with self._database.write() as connection:
            image_rows.require(connection, image_ids)
            edit = FieldUpdate({"pin": ":side"}, "true", {"side": side})
            return _carry_out(
                connection, EventHeader("pin", actor, f"moved {{}} {SIDES[side]}"), image_ids, edit
            )

    def tag(self, image_ids: Sequence[int], add: Sequence[str], remove: Sequence[str], actor: str) -> Done:
        """Add tags to pictures and take tags from them.

        Raises:
            DomainError: A tag cannot be one, or a picture would have too many.
        """
        put, gone = sorted(set(map(tag_name, add))), sorted(set(map(tag_name, remove)))
        parameters = {"add": json.dumps(put), "remove": json.dumps(gone), "most": MOST_TAGS}
        what = [f"with {', '.join(put)}"] * bool(put) + [f"without {', '.join(gone)}"] * bool(gone)
        with self._database.write() as connection:
            image_rows.require(connection, image_ids)
            entry = EventHeader("tag", actor, f"tagged {{}} {' and '.join(what)}")
            done = _carry_out(connection, entry, image_ids, FieldUpdate({"tags": TAGS}, "true", parameters))
            full = "SELECT 1 FROM images WHERE id IN (SELECT value FROM json_each(?)) AND json_array_length(tags) > ?"
            if connection.execute(full, (_json(image_ids), MOST_TAGS)).fetchone():
                raise DomainError(
                    f"A picture has at most {MOST_TAGS} tags. Remove some first; nothing was changed."
                )
            return done

    def set_note(self, image_id: int, text: str, actor: str, revision: int | None = None) -> Done:
        """Write the note of a picture; an empty text removes it.

        Raises:
            DomainError: The text is too long or not plain.
        """
        text = plain(str(text).replace("\r\n", "\n").strip(), "A note", LONGEST_NOTE, "\n\t")
        with self._database.write() as connection:
            image_rows.require(connection, [image_id])
            image_rows.check_revisions(connection, {} if revision is None else {image_id: revision})
            entry = EventHeader("note", actor, "wrote a note on {}" if text else "removed the note of {}")
            return _carry_out(
                connection, entry, [image_id], FieldUpdate({"notes": ":text"}, "true", {"text": text})
            )

    def review(self, revisions: Mapping[int, int], to: ClassRecord, actor: str) -> Done:
        """Give a second opinion on labelled pictures: agreed where it is the same class, disagreed otherwise.

        Raises:
            Conflict: A picture has no class, or the actor labelled it.
        """
        edit = FieldUpdate(REVIEW, "true", {"to": to.id, "actor": actor})
        with self._database.write() as connection:
            image_rows.require(connection, list(revisions))
            image_rows.check_revisions(connection, revisions)
            _refuse_removed(connection, to)
            _refuse_own(connection, list(revisions), actor)
            entry = EventHeader("review", actor, f"reviewed {{}} as {to.name}")
            return _carry_out(connection, entry, list(revisions), edit)

    def dismiss(
        self, image_ids: Sequence[int], actor: str, revisions: Mapping[int, int] | None = None
    ) -> Done:
        """Say that the labels of suspicious pictures are right: they are not suspected again with that class."""
        with self._database.write() as connection:
            image_rows.require(connection, image_ids)
            image_rows.check_revisions(connection, revisions or {})
            entry = EventHeader("dismiss", actor, "confirmed the class of {}")
            edit = FieldUpdate({"cleared_class_id": "i.class_id"}, "i.class_id IS NOT NULL")
            return _carry_out(connection, entry, image_ids, edit)

    def keep_alike(self, image_ids: Sequence[int], actor: str) -> Done:
        """Say that pictures which look alike are all kept: until another joins them they are not shown as a group."""
        with self._database.write() as connection:
            image_rows.require(connection, image_ids)
            entry = EventHeader("keep", actor, "kept {} that look alike")
            edit = FieldUpdate({"alike": ":group"}, "true", {"group": min(image_ids, default=0)})
            return _carry_out(connection, entry, image_ids, edit)

    def empty_bin(self, actor: str = "someone") -> list[str]:
        """Empty the bin for good: rows stay for the journal and for snapshots, undo does not bring them back.

        Returns:
            The sha256 of each picture whose files nobody needs any more.
        """
        with self._database.write() as connection:
            rows = connection.execute(
                "SELECT id, sha256 FROM images WHERE archived = 1 ORDER BY id"
            ).fetchall()
            edit = FieldUpdate({"archived": "2"}, "i.archived = 1")
            entry = EventHeader("empty", actor, "emptied the bin of {}")
            _carry_out(connection, entry, [row["id"] for row in rows], edit)
        return [row["sha256"] for row in rows]


def plain(text: str, what: str, longest: int, allowed: str = "") -> str:
    """A text as it can be stored.

    Raises:
        DomainError: It is too long, or has control characters other than those allowed.
    """
    text = unicodedata.normalize("NFC", text)
    if len(text) > longest:
        raise DomainError(TOO_LONG.format(what=what, longest=longest, length=len(text)))
    if any(
        unicodedata.category(character) in {"Cc", "Cs"} and character not in allowed for character in text
    ):
        raise DomainError(CONTROL_CHARACTERS.format(what=what))
    return text


def tag_name(text: str) -> str:
    """Tidy a tag: small letters, blanks trimmed and inner ones made single.

    Raises:
        DomainError: Nothing is left, or it cannot be a tag.
    """
    name = plain(" ".join(str(text).split()).lower(), "A tag", LONGEST_TAG)
    if not name:
        raise DomainError(BLANK_TAG)
    return name


def _carry_out(
    connection: sqlite3.Connection, entry: EventHeader, image_ids: Sequence[int], edit: FieldUpdate
) -> Done:
    edit = replace(edit, parameters={**edit.parameters, "ids": _json(image_ids)})
    count = changes.affected(connection, edit)
    if not count:
        return 0, None
    event_id = changes.begin_event(
        connection, replace(entry, summary=entry.summary.replace("{}", counted(count), 1))
    )
    changes.write_edit(connection, event_id, edit)
    changes.apply_changes(connection, event_id)
    return count, event_id


def _json(image_ids: Sequence[int]) -> str:
    return json.dumps(list(image_ids))


def _refuse_removed(connection: sqlite3.Connection, label: ClassRecord | None) -> None:
    removed = "SELECT 1 FROM classes WHERE id = ? AND removed = 1"
    if label and connection.execute(removed, (label.id,)).fetchone():
        raise NotFound(CLASS_REMOVED.format(name=label.name))


def _refuse_own(connection: sqlite3.Connection, image_ids: Sequence[int], actor: str) -> None:
    row = connection.execute(
        "SELECT max(class_id IS NULL) AS bare, max(labelled_by = ?) AS own FROM images "
        "WHERE id IN (SELECT value FROM json_each(?))",
        (actor, _json(image_ids)),
    ).fetchone()
    if row["bare"]:
        raise Conflict(NOTHING_TO_REVIEW)
    if row["own"]:
        raise Conflict(OWN_LABEL)

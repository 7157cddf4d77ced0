"""Suggestions of the model that a person accepts: many pictures, each with its own class, as one event."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

from storage import images, ledger
from storage.database import Database
from storage.images import counted
from storage.ledger import Edit, Entry

SUGGESTED = "(SELECT s.class_id FROM suggestions s WHERE s.image_id = i.id)"
OPEN = (
    "i.class_id IS NULL AND EXISTS (SELECT 1 FROM suggestions s JOIN classes c ON c.id = s.class_id "
    "WHERE s.image_id = i.id AND c.removed = 0)"
)


def accept_suggestions(
    database: Database, image_ids: Sequence[int], actor: str, revisions: Mapping[int, int] | None = None
) -> tuple[int, int | None]:
    """Label those of the pictures that have no class yet but a suggestion with what is suggested.

    Returns:
        How many pictures changed and the event's id, None where nothing changed.

    Raises:
        NotFound: A picture is not there; nothing is changed.
        StaleEdit: A picture was changed since it was shown; nothing is changed.
    """
    parameters = {"ids": json.dumps(list(image_ids)), "actor": actor}
    edit = Edit({"class_id": SUGGESTED, "labelled_by": ":actor"}, OPEN, parameters)
    with database.write() as connection:
        images.require(connection, image_ids)
        images.refuse_stale(connection, revisions or {})
        count = ledger.affected(connection, edit)
        if not count:
            return 0, None
        event_id = ledger.note(connection, Entry("label", actor, f"labelled {counted(count)} as suggested"))
        ledger.write_edit(connection, event_id, edit)
        ledger.carry_out(connection, event_id)
    return count, event_id

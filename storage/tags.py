"""The tags that pictures have."""

from __future__ import annotations

from storage.database import Database

MOST = 300
# From one tag to the next along the index: grouping would read a row for every tag of every picture.
EACH = """
WITH RECURSIVE each (tag) AS (
    SELECT min(tag) FROM image_tags
    UNION ALL SELECT (SELECT min(t.tag) FROM image_tags t WHERE t.tag > each.tag) FROM each WHERE each.tag IS NOT NULL
)
SELECT tag FROM each WHERE tag IS NOT NULL LIMIT ?
"""


def tags_in_use(database: Database) -> list[str]:
    """The tags by the alphabet, at most 300."""
    return [row["tag"] for row in database.rows(EACH, (MOST,))]

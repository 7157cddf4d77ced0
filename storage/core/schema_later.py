"""The SQL of the later migrations."""

COUNTS = """
DROP TRIGGER images_recounted;
CREATE TRIGGER images_recounted AFTER UPDATE OF archived, class_id, split, synthetic, flags, review ON images BEGIN
    INSERT INTO tallies (archived, class_id, split, synthetic, flags, review, n)
    VALUES (old.archived, coalesce(old.class_id, 0), old.split, old.synthetic, old.flags, old.review, -1)
    ON CONFLICT DO UPDATE SET n = n - 1;
    INSERT INTO tallies (archived, class_id, split, synthetic, flags, review, n)
    VALUES (new.archived, coalesce(new.class_id, 0), new.split, new.synthetic, new.flags, new.review, 1)
    ON CONFLICT DO UPDATE SET n = n + 1;
END;
DELETE FROM tallies;
INSERT INTO tallies (archived, class_id, split, synthetic, flags, review, n)
    SELECT archived, coalesce(class_id, 0), split, synthetic, flags, review, count(*) FROM images
    GROUP BY 1, 2, 3, 4, 5, 6;
"""

THIRD_SIDE = """
ALTER TABLE snapshots ADD COLUMN used INTEGER NOT NULL DEFAULT 0;
UPDATE snapshots SET used = id;
CREATE INDEX snapshots_by_use ON snapshots (used, id);
CREATE VIEW sides AS SELECT image_id, split FROM snapshot_items
    WHERE snapshot_id = (SELECT id FROM snapshots ORDER BY used DESC, id DESC LIMIT 1);
DROP TRIGGER images_pinned;
CREATE TRIGGER images_pinned AFTER UPDATE OF pin ON images BEGIN
    UPDATE images SET split = CASE WHEN new.pin != '' THEN new.pin
        ELSE coalesce((SELECT s.split FROM sides s WHERE s.image_id = new.id), '') END WHERE id = new.id;
END;
"""

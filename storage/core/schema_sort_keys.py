"""The SQL of the migration that keeps the sort keys of other tables in ``images``, and an index for each of those orders."""

SORT_KEYS = """
ALTER TABLE images ADD COLUMN next_key REAL;
ALTER TABLE images ADD COLUMN unsure_key REAL;
ALTER TABLE images ADD COLUMN suspicion_key REAL;
CREATE VIEW standing_suggestions AS
    SELECT s.image_id, s.probability FROM suggestions s JOIN classes c ON c.id = s.class_id WHERE c.removed = 0;
CREATE VIEW sort_keys AS
    SELECT i.id AS image_id, n.rank AS next_key,
           (SELECT s.probability FROM standing_suggestions s WHERE s.image_id = i.id) AS unsure_key,
           CASE WHEN k.id THEN -u.score END AS suspicion_key
    FROM images i LEFT JOIN next_up n ON n.image_id = i.id
         LEFT JOIN suspicions u ON u.image_id = i.id AND u.given_class_id = i.class_id
              AND i.cleared_class_id IS NOT i.class_id
         LEFT JOIN classes k ON k.id = u.likely_class_id AND k.removed = 0;
UPDATE images SET (next_key, unsure_key, suspicion_key) =
    (SELECT next_key, unsure_key, suspicion_key FROM sort_keys WHERE image_id = images.id)
    WHERE id IN (SELECT image_id FROM next_up UNION ALL SELECT image_id FROM suggestions
                 UNION ALL SELECT image_id FROM suspicions);

CREATE TRIGGER next_up_added AFTER INSERT ON next_up BEGIN
    UPDATE images SET next_key = new.rank WHERE id = new.image_id;
END;
CREATE TRIGGER next_up_removed AFTER DELETE ON next_up BEGIN
    UPDATE images SET next_key = NULL WHERE id = old.image_id;
END;
CREATE TRIGGER suggestions_added AFTER INSERT ON suggestions BEGIN
    UPDATE images SET unsure_key = (SELECT probability FROM standing_suggestions WHERE image_id = new.image_id)
    WHERE id = new.image_id;
END;
CREATE TRIGGER suggestions_changed AFTER UPDATE ON suggestions BEGIN
    UPDATE images SET unsure_key = (SELECT probability FROM standing_suggestions WHERE image_id = new.image_id)
    WHERE id = new.image_id;
END;
CREATE TRIGGER suggestions_removed AFTER DELETE ON suggestions BEGIN
    UPDATE images SET unsure_key = NULL WHERE id = old.image_id;
END;
CREATE TRIGGER suspicions_added AFTER INSERT ON suspicions BEGIN
    UPDATE images SET suspicion_key = (SELECT suspicion_key FROM sort_keys WHERE image_id = new.image_id)
    WHERE id = new.image_id;
END;
CREATE TRIGGER suspicions_removed AFTER DELETE ON suspicions BEGIN
    UPDATE images SET suspicion_key = NULL WHERE id = old.image_id;
END;
CREATE TRIGGER images_suspected AFTER UPDATE OF class_id, cleared_class_id ON images
WHEN EXISTS (SELECT 1 FROM suspicions WHERE image_id = new.id) BEGIN
    UPDATE images SET suspicion_key = (SELECT suspicion_key FROM sort_keys WHERE image_id = new.id)
    WHERE id = new.id;
END;
CREATE TRIGGER classes_removed AFTER UPDATE OF removed ON classes BEGIN
    UPDATE images SET unsure_key = (SELECT unsure_key FROM sort_keys WHERE image_id = images.id)
    WHERE id IN (SELECT image_id FROM suggestions WHERE class_id = new.id);
    UPDATE images SET suspicion_key = (SELECT suspicion_key FROM sort_keys WHERE image_id = images.id)
    WHERE id IN (SELECT image_id FROM suspicions WHERE likely_class_id = new.id);
END;

CREATE VIEW image_sides AS
    SELECT i.id AS image_id, CASE WHEN i.pin != '' THEN i.pin ELSE coalesce(s.split, '') END AS split
    FROM images i LEFT JOIN sides s ON s.image_id = i.id;
DROP TRIGGER images_pinned;
CREATE TRIGGER images_pinned AFTER UPDATE OF pin ON images BEGIN
    UPDATE images SET split = (SELECT split FROM image_sides WHERE image_id = new.id) WHERE id = new.id;
END;

DROP INDEX suggestions_by_probability;
DROP INDEX suspicions_by_score;
DROP INDEX images_by_name;
CREATE INDEX images_by_name ON images (archived, name_key, id, class_id, split, synthetic, flags, review, tags);
CREATE INDEX images_by_unsure ON images (archived, unsure_key, id);
CREATE INDEX images_by_next ON images
    (archived, next_key, id, class_id, split, synthetic, flags, review, name_key, tags)
    WHERE next_key IS NOT NULL;
CREATE INDEX images_by_suspicion ON images
    (archived, suspicion_key, id, class_id, split, synthetic, flags, review, name_key, tags)
    WHERE suspicion_key IS NOT NULL;
"""

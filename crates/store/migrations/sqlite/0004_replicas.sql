-- Several replicas on one database.

-- Order of the instances of a request in its body.
ALTER TABLE items ADD COLUMN ordinal BIGINT NOT NULL DEFAULT 0;
UPDATE items SET ordinal = rowid;

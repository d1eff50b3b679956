-- Somebody took note of how a plan ended, where not all of it went well: it needs no attention any more.
ALTER TABLE plans ADD COLUMN acknowledged_at BIGINT;
ALTER TABLE plans ADD COLUMN acknowledged_by TEXT;

-- Several replicas on one database.

-- Order of the instances of a request in its body.
ALTER TABLE items ADD COLUMN ordinal BIGINT NOT NULL DEFAULT 0;
UPDATE items SET ordinal = rowid;

-- Who works on a request, and until when by the clock of the database. Each claim has a higher fence than the one before.
ALTER TABLE requests ADD COLUMN fence BIGINT NOT NULL DEFAULT 0;
ALTER TABLE requests ADD COLUMN claimed_by TEXT;
ALTER TABLE requests ADD COLUMN claimed_until BIGINT;
CREATE INDEX requests_claimed ON requests (claimed_until) WHERE claimed_by IS NOT NULL;

ALTER TABLE attempts ADD COLUMN fence BIGINT NOT NULL DEFAULT 0;
ALTER TABLE attempts ADD COLUMN known TEXT NOT NULL DEFAULT '[]'; -- keys of the tasks that its instances had before

-- What one replica does for all: looking at a cloud.
CREATE TABLE leases (
    name   TEXT   NOT NULL PRIMARY KEY,
    holder TEXT   NOT NULL,
    fence  BIGINT NOT NULL,
    until  BIGINT NOT NULL
);

-- What the replicas know together about a cloud: refused credentials, pauses, the pace of calls.
CREATE TABLE cloud_states (
    cloud TEXT NOT NULL PRIMARY KEY,
    doc   TEXT NOT NULL
);

-- What is on hold beside single plans: `everything`, or `cloud/NAME`.
CREATE TABLE holds (
    scope   TEXT   NOT NULL PRIMARY KEY,
    held_at BIGINT NOT NULL,
    user_id TEXT,
    reason  TEXT   NOT NULL
);

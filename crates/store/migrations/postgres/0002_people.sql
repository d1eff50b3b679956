-- People, decisions, and the ledger that says who did what.

CREATE TABLE users (
    id           TEXT   NOT NULL PRIMARY KEY,
    name         TEXT   NOT NULL,
    name_key     TEXT   NOT NULL UNIQUE, -- lower-cased name
    full_name    TEXT   NOT NULL,
    roles        TEXT   NOT NULL,        -- JSON list of words
    password     TEXT,                   -- PHC string (argon2id); nothing until the person has chosen one
    created_at   BIGINT NOT NULL,
    disabled_at  BIGINT,
    signed_in_at BIGINT
);

-- One-time codes: to choose a first password, or a new one. Only their hashes are kept.
CREATE TABLE codes (
    hash       TEXT   NOT NULL PRIMARY KEY,
    user_id    TEXT   REFERENCES users (id), -- nothing: it makes the first administrator
    made_at    BIGINT NOT NULL,
    expires_at BIGINT NOT NULL
);

-- Only hashes of the tokens are kept: whoever reads the database cannot use them.
CREATE TABLE sessions (
    hash    TEXT   NOT NULL PRIMARY KEY,
    user_id TEXT   NOT NULL REFERENCES users (id),
    made_at BIGINT NOT NULL,
    seen_at BIGINT NOT NULL,
    address TEXT   NOT NULL,
    agent   TEXT   NOT NULL
);
CREATE INDEX sessions_by_user ON sessions (user_id);

-- Browsers somebody has signed in from before: they have their own share of attempts, so that a stranger's cannot lock them out.
CREATE TABLE devices (
    hash    TEXT   NOT NULL PRIMARY KEY,
    user_id TEXT   NOT NULL REFERENCES users (id),
    made_at BIGINT NOT NULL
);
CREATE INDEX devices_by_user ON devices (user_id);

ALTER TABLE plans ADD COLUMN author TEXT;          -- user id; nothing for plans older than accounts
ALTER TABLE plans ADD COLUMN edited_by TEXT;       -- user id of the last change
ALTER TABLE plans ADD COLUMN review BIGINT;        -- number of the review that is open
ALTER TABLE plans ADD COLUMN approved_hash TEXT;   -- what may be sent, and nothing else
ALTER TABLE plans ADD COLUMN approvals_needed BIGINT NOT NULL DEFAULT 0;

-- Each time a decision was asked for: exactly what was to be decided about.
CREATE TABLE reviews (
    plan     TEXT   NOT NULL REFERENCES plans (id),
    number   BIGINT NOT NULL,
    hash     TEXT   NOT NULL,
    start_at BIGINT NOT NULL,
    needed   BIGINT NOT NULL,
    doc      TEXT   NOT NULL, -- draft, requests, why so many approvals
    asked_by TEXT   NOT NULL,
    asked_at BIGINT NOT NULL,
    ended_at BIGINT,
    outcome  TEXT,            -- approved, changes, rejected, withdrawn
    PRIMARY KEY (plan, number)
);

CREATE TABLE decisions (
    plan    TEXT   NOT NULL,
    review  BIGINT NOT NULL,
    user_id TEXT   NOT NULL REFERENCES users (id),
    verdict TEXT   NOT NULL, -- approve, changes, reject
    hash    TEXT   NOT NULL, -- of what was seen
    comment TEXT   NOT NULL,
    at      BIGINT NOT NULL,
    PRIMARY KEY (plan, review, user_id),
    FOREIGN KEY (plan, review) REFERENCES reviews (plan, number)
);

CREATE TABLE comments (
    id      TEXT   NOT NULL PRIMARY KEY,
    plan    TEXT   NOT NULL REFERENCES plans (id),
    user_id TEXT   NOT NULL REFERENCES users (id),
    at      BIGINT NOT NULL,
    text    TEXT   NOT NULL
);
CREATE INDEX comments_by_plan ON comments (plan, at);

-- The sender asks for these after every request.
CREATE INDEX items_by_request ON items (plan, position, state);
CREATE INDEX attempts_open ON attempts (plan) WHERE ended_at IS NULL;

-- Append-only: hash = sha256(previous || newline || body).
CREATE TABLE ledger (
    seq      BIGINT NOT NULL PRIMARY KEY CHECK (seq > 0),
    body     TEXT   NOT NULL,
    previous TEXT   NOT NULL,
    hash     TEXT   NOT NULL,
    subject  TEXT   NOT NULL -- to find entries by; what counts is what stands in the body
);
CREATE INDEX ledger_by_subject ON ledger (subject);
CREATE FUNCTION ledger_is_append_only() RETURNS TRIGGER LANGUAGE plpgsql AS
    $$ BEGIN RAISE EXCEPTION 'the ledger is append-only'; END $$;
CREATE TRIGGER ledger_stands BEFORE UPDATE ON ledger FOR EACH ROW EXECUTE FUNCTION ledger_is_append_only();
CREATE TRIGGER ledger_stays BEFORE DELETE OR TRUNCATE ON ledger FOR EACH STATEMENT EXECUTE FUNCTION ledger_is_append_only();

-- The last entry, kept beside the ledger so that entries missing at its end are noticed.
CREATE TABLE ledger_head (
    one  BIGINT NOT NULL PRIMARY KEY CHECK (one = 1),
    seq  BIGINT NOT NULL,
    hash TEXT   NOT NULL
);

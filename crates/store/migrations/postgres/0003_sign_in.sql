-- Who signs in elsewhere, second factors, and when somebody last showed who they are.

-- Issuer and subject are the identity of somebody who signs in at a provider; names and addresses there may change hands.
CREATE TABLE identities (
    issuer  TEXT   NOT NULL,
    subject TEXT   NOT NULL,
    user_id TEXT   NOT NULL UNIQUE REFERENCES users (id),
    made_at BIGINT NOT NULL,
    PRIMARY KEY (issuer, subject)
);

-- Answers of a provider that were used: none signs in twice.
CREATE TABLE used_answers (
    hash    TEXT   NOT NULL PRIMARY KEY,
    used_at BIGINT NOT NULL
);

ALTER TABLE users ADD COLUMN factor TEXT;         -- secret of the second factor, sealed with a key that is not in this database
ALTER TABLE users ADD COLUMN factor_pending TEXT; -- one that was shown and not yet confirmed
ALTER TABLE users ADD COLUMN factor_step BIGINT;  -- last time step whose code was used: no code works twice

ALTER TABLE sessions ADD COLUMN proved_at BIGINT NOT NULL DEFAULT 0; -- when its owner last showed who they are

-- What somebody typed with a decision that was not taken: it comes back to them, and to nobody else.
CREATE TABLE unsent_words (
    plan    TEXT NOT NULL REFERENCES plans (id),
    user_id TEXT NOT NULL REFERENCES users (id),
    words   TEXT NOT NULL,
    PRIMARY KEY (plan, user_id)
);

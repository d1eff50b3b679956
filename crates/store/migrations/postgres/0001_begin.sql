-- Instants are milliseconds since 1970 UTC. `doc` columns hold JSON of a domain type; what is searched by stands beside it.

-- The fleet as the cloud last reported it.
CREATE TABLE instances (
    cloud   TEXT   NOT NULL,
    id      TEXT   NOT NULL,
    name    TEXT   NOT NULL,
    search  TEXT   NOT NULL, -- lower-cased name and id
    status  TEXT   NOT NULL,
    form    TEXT   NOT NULL,
    engine  TEXT   NOT NULL, -- '' when the cloud gave none that can be read
    project TEXT   NOT NULL,
    seen_at BIGINT NOT NULL,
    gone_at BIGINT,
    doc     TEXT   NOT NULL,
    PRIMARY KEY (cloud, id)
);
CREATE INDEX instances_by_name ON instances (name, id);

CREATE TABLE instance_patches (
    cloud    TEXT NOT NULL,
    instance TEXT NOT NULL,
    patch    TEXT NOT NULL,
    PRIMARY KEY (cloud, instance, patch)
);

CREATE TABLE instance_tags (
    cloud    TEXT NOT NULL,
    instance TEXT NOT NULL,
    tag      TEXT NOT NULL, -- key=value
    PRIMARY KEY (cloud, instance, tag)
);
CREATE INDEX instance_tags_by_tag ON instance_tags (tag);

-- Hot patches of the cloud's catalogue, independent of instances.
CREATE TABLE catalogue (
    cloud  TEXT NOT NULL,
    patch  TEXT NOT NULL,
    engine TEXT NOT NULL,
    PRIMARY KEY (cloud, patch)
);

CREATE TABLE projects (
    cloud TEXT NOT NULL,
    id    TEXT NOT NULL,
    name  TEXT NOT NULL,
    PRIMARY KEY (cloud, id)
);

-- Answers of the per-instance candidate call; either doc or error is set.
CREATE TABLE offers (
    cloud    TEXT   NOT NULL,
    instance TEXT   NOT NULL,
    read_at  BIGINT NOT NULL,
    doc      TEXT,
    error    TEXT,
    PRIMARY KEY (cloud, instance)
);

-- Scheduled tasks as last listed. The key is the id without dashes; one id may cover many instances.
CREATE TABLE tasks (
    cloud         TEXT   NOT NULL,
    task_key      TEXT   NOT NULL,
    instance      TEXT   NOT NULL,
    id            TEXT   NOT NULL, -- as the cloud wrote it
    instance_name TEXT   NOT NULL,
    status        TEXT   NOT NULL,
    start_at      BIGINT,
    created_at    BIGINT,
    target        TEXT,
    first_seen_at BIGINT NOT NULL,
    seen_at       BIGINT NOT NULL,
    gone_at       BIGINT,
    PRIMARY KEY (cloud, task_key, instance)
);
CREATE INDEX tasks_by_instance ON tasks (cloud, instance);
CREATE INDEX tasks_by_start ON tasks (start_at);

CREATE TABLE plans (
    id           TEXT   NOT NULL PRIMARY KEY,
    cloud        TEXT   NOT NULL,
    draft        TEXT   NOT NULL,
    revision     BIGINT NOT NULL,
    created_at   BIGINT NOT NULL,
    updated_at   BIGINT NOT NULL,
    submitted_at BIGINT,
    start_at     BIGINT,
    held_at      BIGINT,
    withdrawn_at BIGINT
);

-- Compiled POSTs of a submitted plan, as confirmed.
CREATE TABLE requests (
    plan       TEXT   NOT NULL REFERENCES plans (id),
    position   BIGINT NOT NULL,
    doc        TEXT   NOT NULL,
    not_before BIGINT NOT NULL DEFAULT 0,
    PRIMARY KEY (plan, position)
);

-- One row for each instance of a submitted plan.
CREATE TABLE items (
    plan     TEXT   NOT NULL REFERENCES plans (id),
    position BIGINT NOT NULL,
    cloud    TEXT   NOT NULL,
    instance TEXT   NOT NULL,
    state    TEXT   NOT NULL,
    task_key TEXT,
    doc      TEXT   NOT NULL,
    PRIMARY KEY (plan, instance)
);
-- The database itself refuses that two plans are about to schedule the same instance.
CREATE UNIQUE INDEX items_one_open ON items (cloud, instance) WHERE state IN ('planned', 'sending', 'unknown');
CREATE INDEX items_by_task ON items (cloud, task_key, instance);
CREATE INDEX items_by_state ON items (state);

-- Every POST that was tried; written before the first byte leaves.
CREATE TABLE attempts (
    plan      TEXT   NOT NULL REFERENCES plans (id),
    position  BIGINT NOT NULL,
    number    BIGINT NOT NULL,
    instances TEXT   NOT NULL,
    body      TEXT   NOT NULL,
    began_at  BIGINT NOT NULL,
    ended_at  BIGINT,
    outcome   TEXT,
    error     TEXT,
    PRIMARY KEY (plan, position, number)
);

-- Cancels and deletions asked of the cloud.
CREATE TABLE orders (
    id       TEXT   NOT NULL PRIMARY KEY,
    cloud    TEXT   NOT NULL,
    task_key TEXT   NOT NULL,
    task_id  TEXT   NOT NULL,
    what     TEXT   NOT NULL,
    asked_at BIGINT NOT NULL,
    is_open  BIGINT NOT NULL,
    doc      TEXT   NOT NULL
);
CREATE UNIQUE INDEX orders_one_open ON orders (cloud, task_key) WHERE is_open = 1;

-- What the last sync passes found.
CREATE TABLE sync_status (
    cloud TEXT NOT NULL PRIMARY KEY,
    doc   TEXT NOT NULL
);

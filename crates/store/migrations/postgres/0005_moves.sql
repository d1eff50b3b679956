-- A plan may take the place of tasks of another one.
ALTER TABLE plans ADD COLUMN moves TEXT;
CREATE INDEX plans_by_moves ON plans (moves) WHERE moves IS NOT NULL;

-- Which task each of its instances had. Accounted for from here on, whatever becomes of the plan that made it.
CREATE TABLE moves (
    plan        TEXT   NOT NULL REFERENCES plans (id),
    instance    TEXT   NOT NULL,
    cloud       TEXT   NOT NULL,
    task_key    TEXT   NOT NULL,
    from_plan   TEXT   NOT NULL REFERENCES plans (id),
    order_id    TEXT,   -- the cancel that was asked for it; nothing where somebody had asked for one before
    put_back_at BIGINT, -- when the old time stood again, because the new one came to nothing
    PRIMARY KEY (plan, instance)
);
CREATE INDEX moves_by_order ON moves (order_id) WHERE order_id IS NOT NULL;
CREATE INDEX moves_by_task ON moves (cloud, task_key, instance);

-- What waits for an old task to be cancelled is about to schedule its instance too.
DROP INDEX items_one_open;
CREATE UNIQUE INDEX items_one_open ON items (cloud, instance) WHERE state IN ('moving', 'planned', 'sending', 'unknown');

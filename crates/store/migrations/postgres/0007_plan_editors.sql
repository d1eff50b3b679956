-- Everybody who has changed a plan since it was begun, its author included: none of them decides about it.
CREATE TABLE plan_editors (
    plan    TEXT NOT NULL REFERENCES plans (id) ON DELETE CASCADE,
    user_id TEXT NOT NULL,
    PRIMARY KEY (plan, user_id)
);
INSERT INTO plan_editors (plan, user_id)
    SELECT id, author FROM plans WHERE author IS NOT NULL
    UNION
    SELECT id, edited_by FROM plans WHERE edited_by IS NOT NULL;

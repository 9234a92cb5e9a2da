-- Further plans of a goal whose plan was rejected (design.md sections 2 and 5): bounded, with the slots
-- of the first one.

ALTER TABLE goals
  -- The plan that is worked on; further ones follow the first.
  ADD COLUMN plan int NOT NULL DEFAULT 1 CHECK (plan >= 1),
  ADD COLUMN planner text,
  -- The first task of the plan that was rejected for good, and since when another plan is wanted.
  ADD COLUMN replan_cause jsonb,
  ADD COLUMN replan_at timestamptz,
  -- Who said that it may be planned again although effects may have happened.
  ADD COLUMN replan_allowed_by text;
CREATE INDEX goals_to_replan ON goals (replan_at) WHERE status = 'ACTIVE' AND replan_at IS NOT NULL;

ALTER TABLE tasks ADD COLUMN plan int NOT NULL DEFAULT 1;

-- Plans that were rejected, as far as the next one has to differ from them.
CREATE TABLE goal_replans (
  tenant_id uuid NOT NULL,
  goal_id text NOT NULL,
  plan int NOT NULL,
  shape text NOT NULL,
  failures jsonb NOT NULL,
  tasks_completed int NOT NULL,
  cost_usd_micros numeric NOT NULL,
  ended_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (tenant_id, goal_id, plan),
  FOREIGN KEY (tenant_id, goal_id) REFERENCES goals
);
CREATE TRIGGER goal_replans_insert_only BEFORE UPDATE OR DELETE ON goal_replans
  FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

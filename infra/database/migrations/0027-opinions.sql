-- What models say of results, where the Judge asks one (docs/decisions/0037-an-opinion-adds-a-demand.md).
-- A row is made in the transaction that lets the task wait for it, before anything is asked: whoever
-- dies in between leaves it, and the question is asked again once. The answer comes in a transaction
-- of its own, and every verdict on the attempt is made by the row.
CREATE TABLE opinions (
  tenant_id uuid NOT NULL REFERENCES tenants,
  task_id uuid NOT NULL,
  attempt int NOT NULL,
  -- Questions so far, the open one included.
  asked int NOT NULL DEFAULT 1 CHECK (asked BETWEEN 1 AND 2),
  -- So long whoever asks is waited for.
  asked_until timestamptz NOT NULL,
  -- A model call with the opinion, or why there is none; null until somebody answers.
  answer jsonb,
  answered_at timestamptz CHECK ((answered_at IS NULL) = (answer IS NULL)),
  audit_id uuid NOT NULL,
  PRIMARY KEY (tenant_id, task_id, attempt)
);

CREATE FUNCTION keep_opinion() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'an opinion that was given is never changed'
    USING ERRCODE = 'integrity_constraint_violation';
END $$;
CREATE TRIGGER opinions_kept BEFORE UPDATE ON opinions
  FOR EACH ROW WHEN (OLD.answer IS NOT NULL) EXECUTE FUNCTION keep_opinion();
CREATE TRIGGER opinions_stay BEFORE DELETE ON opinions
  FOR EACH ROW EXECUTE FUNCTION keep_opinion();

-- Requests for a person's word (design.md section 6), and who gave it.

-- Who posted a goal: a user, a token, or the stream. No approver of its own payments.
ALTER TABLE goals ADD COLUMN requested_by text;

-- What the grant of a round rests on.
ALTER TABLE effects ADD COLUMN approvals uuid[] NOT NULL DEFAULT '{}';

CREATE TABLE approvals (
  -- Random: no word fits two requests.
  id uuid PRIMARY KEY,
  -- The order of asking.
  n bigint GENERATED ALWAYS AS IDENTITY,
  tenant_id uuid NOT NULL REFERENCES tenants,
  goal_id text NOT NULL,
  task_id uuid NOT NULL REFERENCES tasks,
  attempt int NOT NULL,
  version_id uuid NOT NULL,
  subject text NOT NULL CHECK (subject IN ('effect', 'result')),
  effect_id uuid REFERENCES effects,
  state text NOT NULL CHECK (
    state IN ('REQUESTED', 'APPROVED', 'EDITED', 'REJECTED', 'EXPIRED', 'CANCELLED')),
  -- What it is bound to: another of any of these asks again.
  effect_key text NOT NULL,
  args_hash text NOT NULL,
  account text,
  mode text NOT NULL CHECK (mode IN ('dry', 'paper', 'live')),
  definition_hash text,
  policy_version text NOT NULL,
  slot text,
  tool text,
  args jsonb NOT NULL,
  provenance jsonb NOT NULL,
  agent_id text NOT NULL,
  requester text NOT NULL,
  -- Who put these arguments in the place of others.
  editor text,
  needed int NOT NULL CHECK (needed BETWEEN 1 AND 16),
  not_requester boolean NOT NULL,
  -- The votes that want a person, with their reasons.
  asked jsonb NOT NULL,
  cost_usd_micros numeric NOT NULL CHECK (cost_usd_micros >= 0),
  confidence double precision NOT NULL,
  requested_at timestamptz NOT NULL DEFAULT now(),
  expires_at timestamptz NOT NULL,
  decided_at timestamptz,
  decided_by text,
  reason text,
  -- Turned down with words to the Worker, which may try again.
  is_response boolean NOT NULL DEFAULT false,
  -- Taken back after it was given.
  withdrawn_at timestamptz,
  withdrawn_by text,
  superseded_by uuid REFERENCES approvals DEFERRABLE INITIALLY DEFERRED,
  audit_id uuid NOT NULL,
  FOREIGN KEY (tenant_id, goal_id) REFERENCES goals,
  CHECK ((subject = 'effect') = (effect_id IS NOT NULL)),
  CHECK ((state = 'REQUESTED') = (decided_at IS NULL)),
  CHECK ((state = 'EDITED') = (superseded_by IS NOT NULL)),
  CHECK (withdrawn_at IS NULL OR state = 'APPROVED')
);

-- One open request per slot or result.
CREATE UNIQUE INDEX approvals_one_open ON approvals (effect_key) WHERE state = 'REQUESTED';
CREATE INDEX approvals_open ON approvals (expires_at) WHERE state = 'REQUESTED';
CREATE INDEX approvals_of_key ON approvals (effect_key, n);
CREATE INDEX approvals_of_task ON approvals (task_id);
CREATE INDEX approvals_newest ON approvals (tenant_id, n DESC);
CREATE INDEX approvals_precedents ON approvals (tenant_id, agent_id, tool, decided_at)
  WHERE state = 'APPROVED';
CREATE INDEX effects_resting ON effects USING gin (approvals) WHERE state = 'GRANTED';

-- One word per person and request, for ever. The token is what is asked whether the person still may.
CREATE TABLE approval_words (
  approval_id uuid NOT NULL REFERENCES approvals,
  approver text NOT NULL,
  token_id uuid NOT NULL REFERENCES api_tokens,
  said_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (approval_id, approver)
);

CREATE INDEX approval_words_of_token ON approval_words (token_id);

CREATE TRIGGER approval_words_insert_only BEFORE UPDATE OR DELETE ON approval_words
  FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER approvals_stay BEFORE DELETE ON approvals
  FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
-- The first decision wins.
CREATE TRIGGER approvals_end_is_final BEFORE UPDATE ON approvals FOR EACH ROW
  WHEN (OLD.state <> 'REQUESTED' AND NEW.state <> OLD.state)
  EXECUTE FUNCTION refuse_move('state');
CREATE TRIGGER approvals_binding_is_frozen BEFORE UPDATE ON approvals FOR EACH ROW
  WHEN ((NEW.effect_key, NEW.args_hash, NEW.mode, NEW.policy_version, NEW.args, NEW.expires_at,
      NEW.requester, NEW.needed, NEW.not_requester)
    IS DISTINCT FROM (OLD.effect_key, OLD.args_hash, OLD.mode, OLD.policy_version, OLD.args,
      OLD.expires_at, OLD.requester, OLD.needed, OLD.not_requester)
    OR NEW.account IS DISTINCT FROM OLD.account OR NEW.editor IS DISTINCT FROM OLD.editor
    OR NEW.definition_hash IS DISTINCT FROM OLD.definition_hash
    OR (OLD.withdrawn_at IS NOT NULL AND NEW.withdrawn_at IS DISTINCT FROM OLD.withdrawn_at))
  EXECUTE FUNCTION refuse_move('state');

-- A round that waited for people is granted on approvals only, and each of them for exactly this.
CREATE FUNCTION check_granted_approvals() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF (TG_OP = 'UPDATE' AND cardinality(NEW.approvals) = 0) OR EXISTS (
    SELECT FROM unnest(NEW.approvals) AS u(id) LEFT JOIN approvals a USING (id)
    WHERE a.id IS NULL OR a.state <> 'APPROVED' OR a.withdrawn_at IS NOT NULL
      OR a.expires_at <= now() OR a.effect_key <> NEW.effect_key OR a.args_hash <> NEW.args_hash
      OR a.account IS DISTINCT FROM NEW.account OR a.mode <> NEW.mode)
  THEN
    RAISE EXCEPTION 'effect % has no approval for exactly this', NEW.id
      USING ERRCODE = 'integrity_constraint_violation';
  END IF;
  RETURN NEW;
END $$;

CREATE TRIGGER effects_rest_on_approvals BEFORE INSERT ON effects FOR EACH ROW
  WHEN (NEW.state = 'GRANTED' AND cardinality(NEW.approvals) > 0)
  EXECUTE FUNCTION check_granted_approvals();
CREATE TRIGGER effects_waited_for_approvals BEFORE UPDATE ON effects FOR EACH ROW
  WHEN (NEW.state = 'GRANTED' AND OLD.state IN ('PROPOSED', 'AWAITING_APPROVAL'))
  EXECUTE FUNCTION check_granted_approvals();

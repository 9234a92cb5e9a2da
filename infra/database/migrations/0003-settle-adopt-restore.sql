-- What a person settles, the adoption of a lost ledger, and the traces of a restore.

-- A person's word on an effect that no provider could tell of. Signed by the Judge, carried by the Keeper,
-- written by the tool server, applied by its receipt.
CREATE TABLE effect_settlements (
  id uuid PRIMARY KEY,
  effect_id uuid NOT NULL REFERENCES effects,
  outcome text NOT NULL CHECK (outcome IN ('happened', 'did_not_happen')),
  provider_ref text,
  reason text NOT NULL,
  actor text NOT NULL,
  requested_at timestamptz NOT NULL DEFAULT now(),
  -- Signed for one boot; another boot needs another signature.
  jws text,
  boot uuid,
  -- Set when it was carried, or refused with the reason.
  done_at timestamptz,
  refused text,
  CHECK ((outcome = 'happened') = (provider_ref IS NOT NULL))
);

CREATE INDEX effect_settlements_open ON effect_settlements (requested_at) WHERE done_at IS NULL;

-- A request to write the record's knowledge into a new or older ledger.
CREATE TABLE tool_adoptions (
  id uuid PRIMARY KEY,
  account text NOT NULL REFERENCES tool_accounts,
  actor text NOT NULL,
  requested_at timestamptz NOT NULL DEFAULT now(),
  boot uuid,
  jws text,
  done_at timestamptz,
  refused text
);

CREATE INDEX tool_adoptions_open ON tool_adoptions (requested_at) WHERE done_at IS NULL;

-- An effect whose slot the ledger holds for another grant takes that grant's identity over, once.
ALTER TABLE effects ADD COLUMN adopted_from uuid;

DROP TRIGGER effects_identity_is_frozen ON effects;
CREATE TRIGGER effects_identity_is_frozen BEFORE UPDATE ON effects FOR EACH ROW
  WHEN (NEW.effect_key <> OLD.effect_key
    OR ((NEW.round <> OLD.round OR (OLD.grant_id IS NOT NULL
        AND (NEW.grant_id IS DISTINCT FROM OLD.grant_id OR NEW.args_hash <> OLD.args_hash)))
      AND NOT (OLD.state IN ('GRANTED', 'UNKNOWN', 'NEEDS_HUMAN') AND OLD.adopted_from IS NULL
        AND NEW.adopted_from IS NOT DISTINCT FROM OLD.grant_id)))
  EXECUTE FUNCTION refuse_move('state');

-- A restore of record and ledger both makes every open slot a person's to settle: any state but CONFIRMED.
CREATE OR REPLACE FUNCTION check_effect_move() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF current_setting('chimera.restoring', true) = 'on' THEN
    RETURN NEW;
  END IF;
  IF (OLD.state || ' ' || NEW.state) NOT IN (
    'PROPOSED AWAITING_APPROVAL', 'PROPOSED GRANTED', 'PROPOSED DENIED', 'PROPOSED EXPIRED',
    'PROPOSED CANCELLED',
    'AWAITING_APPROVAL PROPOSED', 'AWAITING_APPROVAL GRANTED', 'AWAITING_APPROVAL DENIED',
    'AWAITING_APPROVAL EXPIRED', 'AWAITING_APPROVAL CANCELLED',
    'GRANTED CONFIRMED', 'GRANTED REFUSED', 'GRANTED NOT_SENT', 'GRANTED UNKNOWN',
    'GRANTED EXPIRED', 'GRANTED CANCELLED', 'GRANTED NOT_HAPPENED', 'GRANTED NEEDS_HUMAN',
    'UNKNOWN CONFIRMED', 'UNKNOWN NOT_HAPPENED', 'UNKNOWN NEEDS_HUMAN',
    'NEEDS_HUMAN CONFIRMED', 'NEEDS_HUMAN NOT_HAPPENED')
  THEN
    RAISE EXCEPTION 'effect % may not move from % to %', NEW.id, OLD.state, NEW.state
      USING ERRCODE = 'integrity_constraint_violation';
  END IF;
  RETURN NEW;
END $$;

-- Every restore that this record has been through.
CREATE TABLE record_restores (
  incarnation uuid PRIMARY KEY,
  previous uuid NOT NULL,
  backup_taken_at timestamptz NOT NULL,
  restored_at timestamptz NOT NULL DEFAULT now(),
  with_ledgers boolean NOT NULL,
  report jsonb NOT NULL
);

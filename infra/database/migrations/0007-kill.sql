-- Kill levels of the house and of tenants (requirements B32, X14, X15). The epoch says the level and how
-- new it is: six epochs to a generation, one for each level. A raise is a higher epoch of its generation;
-- what the operator lowers begins the next one. So an epoch only ever rises, and the higher is the newer.
CREATE TABLE kill_levels (
  scope text PRIMARY KEY
    CHECK (scope ~ '^(everything|tenant:[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})$'),
  epoch bigint NOT NULL CHECK (epoch >= 0),
  level int NOT NULL CHECK (level = epoch % 6),
  reason text NOT NULL CHECK (reason <> ''),
  actor text NOT NULL,
  -- Whether a rule of the house said so, and not a person.
  auto boolean NOT NULL DEFAULT false,
  changed_at timestamptz NOT NULL DEFAULT now()
);

-- A record that has lost this row knows no level, and then nothing is granted.
INSERT INTO kill_levels (scope, epoch, level, reason, actor)
VALUES ('everything', 0, 0, 'the first level', 'migration');

CREATE FUNCTION check_kill() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP = 'DELETE' AND OLD.epoch = 0 THEN
    -- The first level gives way to the rows of a backup.
    RETURN OLD;
  ELSIF TG_OP = 'DELETE' THEN
    RAISE EXCEPTION 'the kill level of % may not be deleted', OLD.scope
      USING ERRCODE = 'integrity_constraint_violation';
  END IF;
  IF NEW.epoch < OLD.epoch OR NEW.scope <> OLD.scope THEN
    RAISE EXCEPTION 'the kill level of % may not go back from epoch % to %',
      OLD.scope, OLD.epoch, NEW.epoch USING ERRCODE = 'integrity_constraint_violation';
  END IF;
  -- Said by the one function that was shown the operator's token, for its transaction alone.
  IF NEW.level < OLD.level
      AND coalesce(current_setting('chimera.lowering_kill', true), '') <> NEW.scope THEN
    RAISE EXCEPTION 'the kill level of % only rises: from % to % takes the operator''s token',
      OLD.scope, OLD.level, NEW.level USING ERRCODE = 'integrity_constraint_violation';
  END IF;
  RETURN NEW;
END $$;

CREATE TRIGGER kill_levels_only_rise BEFORE UPDATE OR DELETE ON kill_levels
  FOR EACH ROW EXECUTE FUNCTION check_kill();

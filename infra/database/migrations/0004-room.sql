-- A task that waits because an account has as many grants out as it may, so that the grant that
-- comes back wakes it, and nobody has to look at all of them again and again.
ALTER TABLE tasks ADD COLUMN waits_for_account text;

CREATE INDEX tasks_waiting_for_room ON tasks (waits_for_account, result_at)
  WHERE phase = 'judging' AND waits_for_account IS NOT NULL;

-- What a task waits for when an account (`<account>`), or one tool of it that keeps cooldowns
-- (`<account> <tool>`), has as many grants out as it may: the grant that comes back wakes it, and
-- nobody has to look at all of them again and again.
ALTER TABLE tasks ADD COLUMN waits_for text;

CREATE INDEX tasks_waiting_for_room ON tasks (waits_for, result_at)
  WHERE phase = 'judging' AND waits_for IS NOT NULL;

-- Until when a tool of an account last asked to be left alone. Such a tool gets one grant at a time.
CREATE TABLE account_cooldowns (
  account text NOT NULL REFERENCES tool_accounts,
  tool text NOT NULL,
  until timestamptz NOT NULL,
  PRIMARY KEY (account, tool)
);

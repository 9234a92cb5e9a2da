/**
 * The tables of a ledger (design.md section 5). Times are milliseconds of the ledger's clock, but
 * for `claimed_wall_ms`, which is compared with the provider's. The guards are here and not only in
 * code: whatever writes, an entry is never deleted, moves only along its state machine, and a slot
 * has one open round.
 */
const TABLES = `
CREATE TABLE ledger (
  one INTEGER PRIMARY KEY CHECK (one = 1),
  ledger_id TEXT NOT NULL,
  account TEXT NOT NULL,
  seq INTEGER NOT NULL,
  highest_ms INTEGER NOT NULL
) STRICT;

CREATE TABLE boots (
  ordinal INTEGER PRIMARY KEY,
  boot TEXT NOT NULL UNIQUE,
  started_ms INTEGER NOT NULL,
  -- The last hello that this boot accepted.
  hello_ms INTEGER,
  incarnation TEXT
) STRICT;

CREATE TABLE entries (
  effect_key TEXT NOT NULL,
  round INTEGER NOT NULL CHECK (round >= 1),
  grant_id TEXT NOT NULL UNIQUE,
  args_hash TEXT NOT NULL,
  account TEXT NOT NULL,
  tool TEXT NOT NULL,
  mode TEXT NOT NULL,
  -- Tenant, agent, campaign, goal, task and slot as JSON.
  scope TEXT NOT NULL,
  boot TEXT NOT NULL,
  incarnation TEXT NOT NULL,
  state TEXT NOT NULL CHECK (state IN ('CLAIMED', 'CONFIRMED', 'REFUSED', 'NOT_SENT', 'UNKNOWN',
    'NOT_HAPPENED', 'NEEDS_HUMAN', 'VOID')),
  code TEXT,
  detail TEXT,
  simulated INTEGER NOT NULL CHECK (simulated IN (0, 1)),
  -- Canonical arguments; absent for a round that was only voided or adopted.
  args TEXT,
  -- Equal for two entries that a reader of the provider could not tell apart.
  content TEXT,
  -- The exact bytes of the claim, without its credentials.
  send_method TEXT,
  send_url TEXT,
  send_body BLOB,
  deadline_ms INTEGER NOT NULL DEFAULT 0,
  cost_usd_micros TEXT,
  claimed_ms INTEGER,
  claimed_wall_ms INTEGER,
  -- The last moment at which the effect can have left; windows and cooldown count from it.
  left_by_ms INTEGER,
  settled_ms INTEGER,
  provider_ref TEXT,
  url TEXT,
  retry_after_ms INTEGER,
  -- Complete looks at the provider, after the bound, that did not show the effect.
  unseen_looks INTEGER NOT NULL DEFAULT 0,
  unseen_ms INTEGER,
  seq INTEGER NOT NULL,
  PRIMARY KEY (effect_key, round),
  CHECK (state <> 'CLAIMED' OR claimed_ms IS NOT NULL),
  CHECK (provider_ref IS NULL OR state = 'CONFIRMED')
) STRICT;

CREATE UNIQUE INDEX entries_one_open_round ON entries (effect_key)
  WHERE state IN ('CLAIMED', 'CONFIRMED', 'UNKNOWN', 'NEEDS_HUMAN');
CREATE UNIQUE INDEX entries_one_provider_ref ON entries (account, provider_ref)
  WHERE provider_ref IS NOT NULL;
CREATE INDEX entries_open ON entries (state) WHERE state IN ('CLAIMED', 'UNKNOWN', 'NEEDS_HUMAN');
CREATE INDEX entries_windows ON entries (tool, left_by_ms) WHERE left_by_ms IS NOT NULL;

CREATE TRIGGER entries_are_kept BEFORE DELETE ON entries
BEGIN SELECT RAISE(ABORT, 'a ledger entry is never deleted'); END;

CREATE TRIGGER entries_move BEFORE UPDATE OF state ON entries
WHEN NOT (OLD.state = NEW.state
  OR (OLD.state = 'CLAIMED' AND NEW.state IN ('CONFIRMED', 'REFUSED', 'NOT_SENT', 'UNKNOWN'))
  OR (OLD.state = 'UNKNOWN' AND NEW.state IN ('CONFIRMED', 'NOT_HAPPENED', 'NEEDS_HUMAN'))
  OR (OLD.state = 'NEEDS_HUMAN' AND NEW.state IN ('CONFIRMED', 'NOT_HAPPENED')))
BEGIN SELECT RAISE(ABORT, 'a ledger entry may not move so'); END;

CREATE TRIGGER entries_keep_their_round
BEFORE UPDATE OF effect_key, round, grant_id, args_hash, tool, mode, account ON entries
BEGIN SELECT RAISE(ABORT, 'what a ledger entry is about never changes'); END;

CREATE TABLE fences (
  scope TEXT PRIMARY KEY,
  epoch INTEGER NOT NULL,
  stopped INTEGER NOT NULL CHECK (stopped IN (0, 1)),
  seq INTEGER NOT NULL
) STRICT;

CREATE TRIGGER fences_only_rise BEFORE UPDATE ON fences
WHEN NEW.epoch < OLD.epoch OR (NEW.epoch = OLD.epoch AND NEW.stopped < OLD.stopped)
BEGIN SELECT RAISE(ABORT, 'a fence only rises'); END;

CREATE TRIGGER fences_are_kept BEFORE DELETE ON fences
BEGIN SELECT RAISE(ABORT, 'a fence is never deleted'); END;

-- Until when the provider asked to be left alone (429).
CREATE TABLE holds (
  name TEXT PRIMARY KEY,
  until_ms INTEGER NOT NULL
) STRICT;
`

/** What adoption and an undeclared restore of the record leave in a ledger. */
const ADOPTION = `
-- Set for an entry that the record wrote into this ledger: the ledger that claimed it was lost.
ALTER TABLE entries ADD COLUMN adopted_ms INTEGER;
CREATE INDEX entries_adopted_open ON entries (adopted_ms)
  WHERE adopted_ms IS NOT NULL AND state = 'UNKNOWN';

-- 1: entries of this boot may be missing, so that no entry proves nothing for its grants.
ALTER TABLE boots ADD COLUMN has_gap INTEGER NOT NULL DEFAULT 0 CHECK (has_gap IN (0, 1));
-- 1: a person has seen that the record lacks this boot, and went on.
ALTER TABLE boots ADD COLUMN is_vouched INTEGER NOT NULL DEFAULT 0 CHECK (is_vouched IN (0, 1));

-- The life of the record that turned out to know less than this ledger, until a person resumes.
ALTER TABLE ledger ADD COLUMN doubted_incarnation TEXT;
`

/** What the caps of money count, and what an effect can be looked up by. */
const SPENDS = `
-- What is known of it at the provider (nonce, hash, cloid) as JSON, from before it was sent.
ALTER TABLE entries ADD COLUMN facts TEXT;
-- 1: UNKNOWN, and the provider is known to have it.
ALTER TABLE entries ADD COLUMN pending INTEGER NOT NULL DEFAULT 0 CHECK (pending IN (0, 1));

-- What a round takes from the account, by its claim; at its end, what it took. Whether it counts,
-- and from when, is its entry's to say.
CREATE TABLE spends (
  grant_id TEXT NOT NULL,
  n INTEGER NOT NULL,
  asset TEXT NOT NULL,
  recipient TEXT,
  -- Digits of any length: 2^63 wei are less than ten ether.
  amount TEXT NOT NULL CHECK (amount <> '' AND amount NOT GLOB '*[^0-9]*'),
  usd_micros TEXT NOT NULL CHECK (usd_micros <> '' AND usd_micros NOT GLOB '*[^0-9]*'),
  PRIMARY KEY (grant_id, n)
) STRICT, WITHOUT ROWID;
CREATE INDEX spends_recipient ON spends (recipient) WHERE recipient IS NOT NULL;
CREATE INDEX entries_confirmed ON entries (left_by_ms)
  WHERE state = 'CONFIRMED' AND left_by_ms IS NOT NULL;
`

/**
 * Where entries go that are settled for good, so that what is asked at every call stays small. They
 * answer look-ups like all others; a column that `entries` gets is needed here too, at its place.
 */
const ARCHIVE = `
CREATE TABLE archive (
  effect_key TEXT NOT NULL,
  round INTEGER NOT NULL,
  grant_id TEXT NOT NULL UNIQUE,
  args_hash TEXT NOT NULL,
  account TEXT NOT NULL,
  tool TEXT NOT NULL,
  mode TEXT NOT NULL,
  scope TEXT NOT NULL,
  boot TEXT NOT NULL,
  incarnation TEXT NOT NULL,
  state TEXT NOT NULL CHECK (state IN ('CONFIRMED', 'REFUSED', 'NOT_SENT', 'NOT_HAPPENED', 'VOID')),
  code TEXT,
  detail TEXT,
  simulated INTEGER NOT NULL,
  args TEXT,
  content TEXT,
  send_method TEXT,
  send_url TEXT,
  send_body BLOB,
  deadline_ms INTEGER NOT NULL,
  cost_usd_micros TEXT,
  claimed_ms INTEGER,
  claimed_wall_ms INTEGER,
  left_by_ms INTEGER,
  settled_ms INTEGER,
  provider_ref TEXT,
  url TEXT,
  retry_after_ms INTEGER,
  unseen_looks INTEGER NOT NULL,
  unseen_ms INTEGER,
  seq INTEGER NOT NULL,
  adopted_ms INTEGER,
  facts TEXT,
  pending INTEGER NOT NULL,
  PRIMARY KEY (effect_key, round)
) STRICT;
CREATE UNIQUE INDEX archive_one_provider_ref ON archive (account, provider_ref)
  WHERE provider_ref IS NOT NULL;
CREATE INDEX entries_settled ON entries (settled_ms)
  WHERE state IN ('CONFIRMED', 'REFUSED', 'NOT_SENT', 'NOT_HAPPENED', 'VOID');

CREATE VIEW all_entries AS SELECT * FROM entries UNION ALL SELECT * FROM archive;

DROP TRIGGER entries_are_kept;
CREATE TRIGGER entries_are_kept BEFORE DELETE ON entries
WHEN NOT EXISTS (SELECT 1 FROM archive a WHERE a.grant_id = OLD.grant_id
  AND a.effect_key = OLD.effect_key AND a.round = OLD.round AND a.state = OLD.state
  AND a.seq = OLD.seq)
BEGIN SELECT RAISE(ABORT, 'a ledger entry is never deleted'); END;
CREATE TRIGGER archive_is_kept BEFORE DELETE ON archive
BEGIN SELECT RAISE(ABORT, 'a ledger entry is never deleted'); END;
CREATE TRIGGER archive_is_final BEFORE UPDATE ON archive
BEGIN SELECT RAISE(ABORT, 'an archived ledger entry never changes'); END;

-- What the unique indexes of the entries hold has to hold across both tables.
CREATE TRIGGER entries_respect_the_archive BEFORE INSERT ON entries
WHEN EXISTS (SELECT 1 FROM archive a WHERE a.grant_id = NEW.grant_id)
  OR EXISTS (SELECT 1 FROM archive a WHERE a.effect_key = NEW.effect_key
    AND (a.round >= NEW.round OR a.state = 'CONFIRMED'))
BEGIN SELECT RAISE(ABORT, 'the archive holds this grant, its slot or a later round'); END;
CREATE TRIGGER entries_respect_archived_refs BEFORE UPDATE OF provider_ref ON entries
WHEN NEW.provider_ref IS NOT NULL AND EXISTS (SELECT 1 FROM archive a
  WHERE a.account = NEW.account AND a.provider_ref = NEW.provider_ref)
BEGIN SELECT RAISE(ABORT, 'an archived entry has this provider reference'); END;
`

/** The kill switch of the account, every step of it; and what has changed since a commit. */
const KILL_LEVELS = `
CREATE TABLE kill_levels (
  n INTEGER PRIMARY KEY,
  level INTEGER NOT NULL CHECK (level BETWEEN 0 AND 5),
  -- 1: the operator's own word, which alone may lower it.
  by_operator INTEGER NOT NULL CHECK (by_operator IN (0, 1)),
  reason TEXT NOT NULL CHECK (reason <> ''),
  actor TEXT NOT NULL,
  at_ms INTEGER NOT NULL,
  seq INTEGER NOT NULL
) STRICT;
CREATE TRIGGER kill_levels_only_rise BEFORE INSERT ON kill_levels
WHEN NEW.by_operator = 0
  AND NEW.level <= coalesce((SELECT level FROM kill_levels ORDER BY n DESC LIMIT 1), 0)
BEGIN SELECT RAISE(ABORT, 'a kill level only rises'); END;
CREATE TRIGGER kill_levels_are_final BEFORE UPDATE ON kill_levels
BEGIN SELECT RAISE(ABORT, 'a kill level never changes'); END;
CREATE TRIGGER kill_levels_are_kept BEFORE DELETE ON kill_levels
BEGIN SELECT RAISE(ABORT, 'a kill level is never deleted'); END;

CREATE INDEX entries_by_seq ON entries (seq);
`

/**
 * The kill switch of more than the account: of everything and of tenants, as the record knows them
 * too. The epoch says the level and how new it is (contracts/judging/kill.ts).
 */
const KILL_STEPS = `
CREATE TABLE kill_steps (
  n INTEGER PRIMARY KEY,
  scope TEXT NOT NULL,
  epoch INTEGER NOT NULL CHECK (epoch >= 0),
  level INTEGER NOT NULL CHECK (level = epoch % 6),
  -- Only the operator's token and the Judge's signed word begin a generation, and so may lower.
  said_by TEXT NOT NULL CHECK (said_by IN ('raise', 'operator', 'record')),
  reason TEXT NOT NULL CHECK (reason <> ''),
  actor TEXT NOT NULL,
  at_ms INTEGER NOT NULL,
  seq INTEGER NOT NULL
) STRICT;
CREATE INDEX kill_steps_newest ON kill_steps (scope, epoch);

INSERT INTO kill_steps (n, scope, epoch, level, said_by, reason, actor, at_ms, seq)
SELECT n, 'everything', level + 6 * (SELECT count(*) FROM kill_levels AS earlier
    WHERE earlier.n <= kill_levels.n AND earlier.by_operator = 1),
  level, iif(by_operator = 1, 'operator', 'raise'), reason, actor, at_ms, seq
FROM kill_levels;
DROP TABLE kill_levels;

CREATE TRIGGER kill_steps_only_rise BEFORE INSERT ON kill_steps
WHEN NEW.epoch <= coalesce((SELECT max(epoch) FROM kill_steps WHERE scope = NEW.scope), 0)
  OR (NEW.said_by = 'raise' AND NEW.epoch / 6
    > coalesce((SELECT max(epoch) FROM kill_steps WHERE scope = NEW.scope), 0) / 6)
BEGIN SELECT RAISE(ABORT, 'a kill level only rises'); END;
CREATE TRIGGER kill_steps_are_final BEFORE UPDATE ON kill_steps
BEGIN SELECT RAISE(ABORT, 'a kill level never changes'); END;
CREATE TRIGGER kill_steps_are_kept BEFORE DELETE ON kill_steps
BEGIN SELECT RAISE(ABORT, 'a kill level is never deleted'); END;
`

/**
 * One open round of a slot, by a trigger where there was a unique index: an index by what is a hash
 * is a page of its own for every entry, written at its claim and again at its end, and those were
 * half of all that a busy server wrote. No entry opens again (`entries_move`), so that a look at
 * each new one is enough; the primary key answers it.
 */
const ONE_OPEN_ROUND = `
DROP INDEX entries_one_open_round;
CREATE TRIGGER entries_one_open_round BEFORE INSERT ON entries
WHEN NEW.state IN ('CLAIMED', 'CONFIRMED', 'UNKNOWN', 'NEEDS_HUMAN')
  AND EXISTS (SELECT 1 FROM entries e WHERE e.effect_key = NEW.effect_key
    AND e.state IN ('CLAIMED', 'CONFIRMED', 'UNKNOWN', 'NEEDS_HUMAN'))
BEGIN SELECT RAISE(ABORT, 'a slot has one open round'); END;
`

/**
 * The steps from an empty file to the newest layout, in order; `PRAGMA user_version` counts the
 * ones that a file has taken. Only ever appended to: files in the field have taken the others.
 */
export const LEDGER_STEPS: readonly string[] = [
  TABLES,
  ADOPTION,
  SPENDS,
  ARCHIVE,
  KILL_LEVELS,
  KILL_STEPS,
  ONE_OPEN_ROUND,
]

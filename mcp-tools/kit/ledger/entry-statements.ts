import type { DatabaseSync } from 'node:sqlite'

import type { EntryRow } from './entry.ts'

/** No window or cooldown of any tool reaches further back. */
export const WINDOWS_MS = 604_800_000

/** Every statement that writes an entry, prepared once. */
export function prepareWrites(database: DatabaseSync) {
  // What every call writes is bound by place: by name it takes SQLite half as long again.
  const insert = database.prepare(`
    INSERT INTO entries (${COLUMNS.join(', ')}) VALUES (${COLUMNS.map(() => '?').join(', ')})`)
  const settle = database.prepare(`
    UPDATE entries SET state = ?1, code = ?2, detail = ?3, settled_ms = ?4,
      left_by_ms = coalesce(?5, left_by_ms), provider_ref = ?6, url = ?7, retry_after_ms = ?8,
      pending = ?9, facts = CASE WHEN ?10 IS NULL THEN facts
        ELSE json_patch(coalesce(facts, '{}'), ?10) END,
      cost_usd_micros = coalesce(?11, cost_usd_micros), seq = ?12
    WHERE grant_id = ?13 AND state = ?14 RETURNING left_by_ms, facts, cost_usd_micros`)
  return {
    insert: (row: NewRow): void => {
      insert.run(...COLUMNS.map((column) => row[column]))
    },
    mark: database.prepare(`
        UPDATE entries SET args = coalesce(args, :args), content = coalesce(content, :content),
          deadline_ms = max(deadline_ms, :deadline_ms),
          claimed_ms = coalesce(claimed_ms, :claimed_ms),
          claimed_wall_ms = coalesce(claimed_wall_ms, :claimed_ms),
          left_by_ms = coalesce(left_by_ms, :left_by_ms), adopted_ms = :adopted_ms,
          facts = coalesce(:facts, facts), seq = :seq
        WHERE grant_id = :grant_id`),
    // Looks of before the change say nothing any more of how far apart they are.
    moveLeft: database.prepare(`
        UPDATE entries SET left_by_ms = left_by_ms + :by, unseen_looks = 0, unseen_ms = NULL,
          seq = :seq
        WHERE left_by_ms IS NOT NULL AND (state IN ('CLAIMED', 'UNKNOWN')
          OR left_by_ms > (SELECT max(left_by_ms) FROM entries) - ${WINDOWS_MS})`),
    settle,
    facts: database.prepare(`
        UPDATE entries SET facts = json_patch(coalesce(facts, '{}'), :facts), seq = :seq
        WHERE grant_id = :grant_id`),
    unseen: database.prepare(
      'UPDATE entries SET unseen_looks = ?, unseen_ms = ?, seq = ? WHERE grant_id = ?',
    ),
    recover: database.prepare(`
        UPDATE entries SET state = 'UNKNOWN', code = 'OUTCOME_UNKNOWN', settled_ms = :now,
          detail = 'The tool server died between the claim and its outcome.',
          left_by_ms = max(claimed_ms, min(:now, claimed_ms + deadline_ms)), seq = :seq
        WHERE state = 'CLAIMED'`),
  }
}

/** What an entry begins with. */
const COLUMNS = [
  'effect_key',
  'round',
  'grant_id',
  'args_hash',
  'account',
  'tool',
  'mode',
  'scope',
  'boot',
  'incarnation',
  'state',
  'code',
  'detail',
  'simulated',
  'args',
  'content',
  'send_method',
  'send_url',
  'send_body',
  'deadline_ms',
  'cost_usd_micros',
  'claimed_ms',
  'claimed_wall_ms',
  'left_by_ms',
  'settled_ms',
  'retry_after_ms',
  'provider_ref',
  'adopted_ms',
  'facts',
  'seq',
] as const satisfies readonly (keyof EntryRow)[]
type NewRow = Readonly<Pick<EntryRow, (typeof COLUMNS)[number]>>

/** What the table says of a new entry by itself. */
export const UNTOLD = { url: null, unseen_looks: 0, unseen_ms: null, pending: 0 } as const

/** What a row says until it is told. */
export const nothing = {
  code: null,
  detail: null,
  args: null,
  content: null,
  send_method: null,
  send_url: null,
  send_body: null,
  deadline_ms: 0,
  cost_usd_micros: null,
  claimed_ms: null,
  claimed_wall_ms: null,
  left_by_ms: null,
  settled_ms: null,
  retry_after_ms: null,
  provider_ref: null,
  adopted_ms: null,
  facts: null,
}

/** The model's invariants, asked of the real record and of X's own record. */
import type { Sql } from '@chimera/infra/database/open-database'

import type { ProtocolRig } from './protocol-rig.ts'

/** What one post costs, in millionths of a dollar. */
const COST = 15_000

const IS_OPEN = new Set(['GRANTED', 'UNKNOWN', 'NEEDS_HUMAN'])

/** Fails in the words of the first invariant that is broken. Every slot is one intended effect. */
export async function expectSound(rig: ProtocolRig): Promise<void> {
  const violation = violationOf({
    posts: rig.posts().map(({ id }) => id),
    ...(await readBooks(rig)),
  })
  if (violation !== undefined) throw new Error(violation)
}

type Books = {
  slots: number
  /** Spent and reserved in all counters. */
  held: number
  rounds: { state: string; ref: string | null }[]
}

async function readBooks({ record }: ProtocolRig): Promise<Books> {
  const { database } = record
  const [row] = await database.query<{ slots: number; held: number }>({
    text: `SELECT (SELECT count(*)::int FROM slots) AS slots,
      (SELECT coalesce(sum(spent + reserved), 0)::int FROM budgets) AS held`,
  })
  const rounds = await database.query<Books['rounds'][number]>({
    text: 'SELECT state, provider_ref AS ref FROM effects ORDER BY created_at, round',
  })
  return { slots: row?.slots ?? 0, held: row?.held ?? 0, rounds }
}

function violationOf({ posts, slots, held, rounds }: Books & { posts: string[] }) {
  if (posts.length > slots) return 'I1 two provider effects for one intended effect'
  if (held < posts.length * COST) return 'I4 an effect happened with no budget on the books'
  const confirmed = rounds.filter(({ state }) => state === 'CONFIRMED')
  if (confirmed.some(({ ref }) => ref === null || !posts.includes(ref))) {
    return 'I7 record says CONFIRMED, it did not happen'
  }
  const open = rounds.filter(({ state }) => IS_OPEN.has(state))
  if (posts.length <= confirmed.length + open.length) return undefined
  const last = rounds.findLast(({ state }) => state !== 'CONFIRMED' && !IS_OPEN.has(state))
  return `I7 record says ${last?.state ?? 'nothing'}, it happened`
}

type Rested = { approval: string; isInTime: boolean; isOfArguments: boolean; isOut: boolean }

/**
 * Fails when a grant rests on a word that was not said for exactly that: `clicked` are the requests
 * that a person was looking at when saying yes.
 */
export async function expectOwnWords(
  sql: Sql,
  { goalId, clicked }: { goalId: string; clicked: readonly string[] },
): Promise<void> {
  const rested = await sql.query<Rested>({
    text: `SELECT a.id AS approval, e.granted_at <= a.expires_at AS "isInTime",
        e.args_hash = a.args_hash AS "isOfArguments",
        e.state IN ('GRANTED', 'UNKNOWN', 'NEEDS_HUMAN', 'CONFIRMED') AS "isOut"
      FROM effects e CROSS JOIN unnest(e.approvals) AS u(id) JOIN approvals a ON a.id = u.id
      WHERE e.goal_id = $1 AND e.grant_id IS NOT NULL`,
    values: [goalId],
  })
  const out = rested.filter(({ isOut }) => isOut).map(({ approval }) => approval)
  if (
    new Set(out).size < out.length ||
    rested.some(({ approval, isInTime }) => !isInTime || !clicked.includes(approval))
  ) {
    throw new Error('I5 one human decision used twice')
  }
  if (rested.some(({ isOfArguments }) => !isOfArguments)) {
    throw new Error('I5 approval used for other arguments')
  }
}

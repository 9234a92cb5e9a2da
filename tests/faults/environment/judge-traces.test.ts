import { join } from 'node:path'

import { newId } from '@chimera/contracts/ids'
import { settleBudgets } from '@chimera/infra/database/budgets/settle-budgets'
import { afterAll, beforeAll, expect } from 'vitest'

import { ended, eventually } from '../../e2e/stack-rig.ts'
import { silence, startStandIn } from '../../e2e/stand-in.ts'
import { control, guarantee } from '../../guarantee.ts'
import { type FaultRig, openFaultRig, postGoals } from '../fault-rig.ts'
import { setApprovalTriggers } from '../model/without.ts'
import { type Door, openOtherDoor, wordsComeLate } from './person-traces.ts'

/** Traces of `effects.py ablate` whose guard is the Judge's, on a stack of real processes. */

const LEASE_MS = 2_000
/** Within this the refused round has to be seen, and its tool server stopped. */
const LIMITED_MS = 2_500
const DROP_VOID_RULE = `DO $$ DECLARE rule text; BEGIN
  SELECT conname INTO STRICT rule FROM pg_constraint WHERE conrelid = 'effects'::regclass
    AND pg_get_constraintdef(oid) LIKE '%EXPIRED%' AND pg_get_constraintdef(oid) LIKE '%VOID%'
    AND pg_get_constraintdef(oid) NOT LIKE '%GRANTED%';
  EXECUTE 'ALTER TABLE effects DROP CONSTRAINT ' || rule;
END $$`
const MAIN = join(import.meta.dirname, 'judge-composed.ts')

let faults: FaultRig
beforeAll(async () => {
  faults = await openFaultRig({ LEASE_MS: String(LEASE_MS), TWEET_SEND_TIMEOUT_MS: '3000' })
  await faults.rig.misbehave({ duplicate_check: false })
  await silence(faults.rig, 'judge')
}, 120_000)
afterAll(async () => {
  await faults.rig.signal('judge', 'SIGCONT')
  await faults[Symbol.asyncDispose]()
})

const statesOf = async (id: string): Promise<string[]> =>
  (await faults.rig.goal(id)).effects.map(({ state }) => state)

/** X takes the next post for one too many. */
async function limitOnce(): Promise<void> {
  const [x] = (await faults.rig.report()).simulated
  const answer = await fetch(new URL('/__control', x?.url), {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ fault: '429', reset_in_ms: LIMITED_MS }),
  })
  expect(answer.status).toBe(200)
}

/** What the receipt of the slot's first round said, once more; resolves when it was judged. */
async function comesAgain(goalId: string): Promise<void> {
  const { record, rig } = faults
  const id = newId()
  await record.query({
    text: `INSERT INTO receipts (id, grant_id, jws, carried_by)
      SELECT $1, r.grant_id, r.jws, 'worker-1' FROM receipts r JOIN effects e USING (grant_id)
      WHERE e.goal_id = $2 AND e.round = 1 LIMIT 1`,
    values: [id, goalId],
  })
  const ring = JSON.stringify({ look_at: 'receipt', id })
  await (await rig.redis()).call('XADD', 'chimera:results', '*', 'result', ring)
  const isJudged = async () => {
    const text = 'SELECT judged_at FROM receipts WHERE id = $1'
    const [row] = await record.query<{ judged_at: Date | null }>({ text, values: [id] })
    return row?.judged_at ?? undefined
  }
  await eventually(isJudged, 20_000, 'the receipt is judged')
}

const startJudge = (id: string, args: readonly string[] = []) =>
  startStandIn(faults.rig, {
    role: 'judge',
    name: `judge-${id}`,
    main: MAIN,
    leaseMs: LEASE_MS,
    args,
  })

/** A goal that a control has spoilt is called off, and its grant with it: others wait for it. */
async function giveUp(id: string): Promise<void> {
  const { rig, record } = faults
  if ((await rig.goal(id)).status !== 'COMPLETED') await rig.cli('goal', 'cancel', id)
  const isNothingOut = async () => {
    const text = `SELECT count(*)::int AS n FROM effects WHERE state = 'GRANTED'`
    const [row] = await record.query<{ n: number }>({ text })
    return row?.n === 0
  }
  await eventually(isNothingOut, 30_000, 'no grant is out')
}

/** The answer to a round that was refused comes again while the next round is on its way. */
async function oldAnswerAgain(id: string, args: readonly string[]): Promise<void> {
  const { rig } = faults
  await using judge = await startJudge(id, args)
  await using after = new AsyncDisposableStack()
  after.defer(() => giveUp(id))
  await limitOnce()
  await postGoals(faults, [{ id, text: `publish a tweet: ${id}` }])
  const isInState = (...states: string[]) =>
    eventually(
      async () => (await statesOf(id)).join() === states.join() || undefined,
      20_000,
      `the rounds of ${id} are ${states.join()}: ${judge.log().slice(-2_000)}`,
    )
  await isInState('REFUSED')
  await rig.signal('tweet', 'SIGSTOP')
  try {
    await isInState('REFUSED', 'GRANTED')
    await comesAgain(id)
    const states = await statesOf(id)
    expect(states, 'I4 what can still happen is closed').toEqual(['REFUSED', 'GRANTED'])
  } finally {
    await rig.signal('tweet', 'SIGCONT')
  }
  expect(await ended(rig, id, 40_000)).toMatchObject({ status: 'COMPLETED' })
}

guarantee(
  {
    id: 'process-gidbind',
    title: 'the answer of an old round does not close the next one',
    n: 1,
    seed: 1,
  },
  () => oldAnswerAgain('bound', []),
)

control(
  {
    guard: "the receipt's binding to its grant",
    test: 'process-gidbind',
    expect: /I4 what can still happen is closed/,
  },
  () => oldAnswerAgain('unbound', ['without=receipt-binding']),
)

/** A person's word runs out while its round dies on the way, and its click comes once more. */
async function wordComesLate(id: string, of: { judge: readonly string[]; door?: Door }) {
  await using after = new AsyncDisposableStack()
  after.use(await startJudge(id, of.judge))
  after.defer(() => giveUp(id))
  await wordsComeLate(faults, id, of.door)
}

guarantee(
  {
    id: 'process-approvals',
    title: 'a word that has run out counts no more, and one that comes twice counts once',
    n: 1,
    seed: 1,
  },
  () => wordComesLate('asked-anew', { judge: [] }),
)

control(
  {
    guard: 'the expiry of the approval',
    test: 'process-approvals',
    expect: /I5 one human decision used twice/,
  },
  async () => {
    await using after = new AsyncDisposableStack()
    after.defer(() => setApprovalTriggers(faults.record, 'ENABLE'))
    await setApprovalTriggers(faults.record, 'DISABLE')
    await wordComesLate('not-asked', { judge: ['without=approval-expiry'] })
  },
)

control(
  {
    guard: 'the id of the request in the decision',
    test: 'process-approvals',
    expect: /I5 one human decision used twice/,
  },
  async () => {
    await using door = await openOtherDoor(faults)
    await wordComesLate('clicked-twice', { judge: [], door })
  },
)

/** What a clock must not do: it takes a grant for dead, and gives its money back. */
async function expireByClock(goalId: string): Promise<string | undefined> {
  const dead = `SELECT id FROM effects WHERE goal_id = $1 AND state = 'GRANTED'`
  return faults.record
    .transaction(async (tx) => {
      const [row] = await tx.query<{ id: string }>({ text: dead, values: [goalId] })
      if (row === undefined) throw new Error('Nothing is granted.')
      const text = `UPDATE effects SET state = 'EXPIRED', settled_at = now() WHERE id = $1`
      await tx.query({ text, values: [row.id] })
      await settleBudgets(tx, [{ holderId: row.id, asset: null, spent: 0n }])
    })
    .then(
      () => undefined,
      (error: unknown) => String(error),
    )
}

/** A grant is called dead while its post is at X, which does not answer. */
async function expireWhileSending(id: string): Promise<void> {
  const { rig } = faults
  await using after = new AsyncDisposableStack()
  after.use(await startJudge(id))
  after.defer(() => giveUp(id))
  await rig.misbehave({ fault: 'hang' })
  await postGoals(faults, [{ id, text: `publish a tweet: ${id}` }])
  const tweets = () => rig.tweets().filter(({ body }) => JSON.stringify(body).includes(id))
  await eventually(() => tweets().length === 1, 20_000, 'X has taken it')
  const refused = await expireByClock(id)
  expect(await statesOf(id), 'I7 what the record says of what happened').not.toContain('EXPIRED')
  expect(refused).toMatch(/check constraint/)
  expect(await ended(rig, id, 40_000)).toMatchObject({ status: 'COMPLETED' })
  expect(tweets()).toHaveLength(1)
}

guarantee(
  {
    id: 'process-void',
    title: 'no clock ends a grant in the record: the constraint refuses, the ledger is asked',
    n: 1,
    seed: 1,
  },
  () => expireWhileSending('not-expired'),
)

// The last one: the record is without its rule from here on.
control(
  {
    guard: 'the constraint that only a VOID ends a grant',
    test: 'process-void',
    expect: /I7 what the record says of what happened/,
  },
  async () => {
    await faults.record.query({ text: DROP_VOID_RULE })
    await expireWhileSending('called-expired')
  },
)

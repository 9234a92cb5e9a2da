/**
 * The model's traces of people's words on a stack of real processes: a word runs out while its
 * round dies on the way to X, and the click that carried it is delivered once more.
 */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'

import { newId } from '@chimera/contracts/ids'
import { findFreePort } from '@chimera/infra/stack/processes/free-port'
import { stateDirPaths } from '@chimera/infra/stack/state-dir'
import { expect } from 'vitest'

import { ended, eventually } from '../../e2e/stack-rig.ts'
import { keepRunning, type StandIn } from '../../e2e/stand-in.ts'
import { type FaultRig, postGoals } from '../fault-rig.ts'
import { expectOwnWords } from '../model/invariants.ts'

const WITHIN_MS = 40_000

type Request = Readonly<{ id: string; state: string }>

/** Where a person's word is taken; the stack's own gateway when nothing else is said. */
export type Door = AsyncDisposable & Readonly<{ url: string; process: StandIn }>

/** A gateway for which a word is about whatever is asked for the same slot and arguments. */
export async function openOtherDoor({ rig }: FaultRig): Promise<Door> {
  const { urls } = await rig.report()
  const { keyFiles } = stateDirPaths(rig.stateDir)
  const port = await findFreePort()
  const started = await keepRunning({
    name: 'gateway',
    main: join(import.meta.dirname, 'gateway-composed.ts'),
    env: {
      DATABASE_URL_FILE: keyFiles.gatewayDatabaseUrl,
      REDIS_URL: urls.redis,
      GOALS_FROM_STREAM: 'owner',
      GATEWAY_HOST: '127.0.0.1',
      GATEWAY_PORT: String(port),
      TOOL_CONTROL_TOKEN_FILE: keyFiles.controlToken,
      CHIMERA_STATE_DIR: rig.stateDir,
      CHIMERA_RUN_ID: newId(),
    },
  })
  return {
    url: `http://127.0.0.1:${port}`,
    process: started,
    [Symbol.asyncDispose]: () => started[Symbol.asyncDispose](),
  }
}

/** `@approve #n`: whatever it is answered, what counts is what it did. */
async function click({ rig }: FaultRig, id: string, door?: Door): Promise<void> {
  const { urls, token_file: tokenFile } = await rig.report()
  await fetch(new URL(`/v1/approvals/${id}/decide`, door?.url ?? urls.gateway), {
    method: 'POST',
    headers: {
      authorization: `Bearer ${readFileSync(tokenFile, 'utf8').trim()}`,
      'content-type': 'application/json',
    },
    body: JSON.stringify({ decision: 'approve' }),
  })
}

const requestsOf = ({ record }: FaultRig, goalId: string): Promise<Request[]> =>
  record.query<Request>({
    text: 'SELECT id, state FROM approvals WHERE goal_id = $1 ORDER BY n',
    values: [goalId],
  })

const asked = (faults: FaultRig, goalId: string, n: number): Promise<Request> =>
  eventually(
    async () => (await requestsOf(faults, goalId)).at(n - 1),
    WITHIN_MS,
    `request ${n} of ${goalId}`,
  )

/** The word was good for its own grant, and for no moment longer. */
async function runsOut({ record }: FaultRig, id: string): Promise<void> {
  await record.transaction(async (tx) => {
    // The binding is frozen: only the owner of the table may turn its clock back.
    const trigger = 'TRIGGER approvals_binding_is_frozen'
    await tx.query({ text: `ALTER TABLE approvals DISABLE ${trigger}` })
    await tx.query({
      text: `UPDATE approvals a SET expires_at = e.granted_at FROM effects e
        WHERE a.id = $1 AND e.approvals @> ARRAY[a.id]`,
      values: [id],
    })
    await tx.query({ text: `ALTER TABLE approvals ENABLE ${trigger}` })
  })
}

/** The Judge of the trace runs already; `door` is where people's words are taken. */
export async function wordsComeLate(faults: FaultRig, goalId: string, door?: Door): Promise<void> {
  const { rig, record } = faults
  const states = async () => (await rig.goal(goalId)).effects.map(({ state }) => state)
  await rig.misbehave({ fault: 'reset_before' })
  // Nobody asks X for the round before its word has run out.
  await rig.signal('keeper', 'SIGSTOP')
  let first: Request
  try {
    await postGoals(faults, [{ id: goalId, text: `publish a tweet: go and vote, ${goalId}` }])
    first = await asked(faults, goalId, 1)
    await click(faults, first.id, door)
    const isUnknown = async () => (await states()).join() === 'UNKNOWN' || undefined
    await eventually(isUnknown, WITHIN_MS, 'nobody knows of the first round')
    await runsOut(faults, first.id)
  } finally {
    await rig.signal('keeper', 'SIGCONT')
  }
  const isNext = async () => ((await states()).length === 2 ? true : undefined)
  await eventually(isNext, WITHIN_MS, 'there is a second round')
  await expectOwnWords(record, { goalId, clicked: [first.id] })
  const second = await asked(faults, goalId, 2)
  await click(faults, first.id, door)
  const [, now] = await requestsOf(faults, goalId)
  expect(now, 'I5 one human decision used twice').toEqual({ id: second.id, state: 'REQUESTED' })
  await click(faults, second.id, door)
  expect(await ended(rig, goalId, WITHIN_MS)).toMatchObject({ status: 'COMPLETED' })
  await expectOwnWords(record, { goalId, clicked: [first.id, second.id] })
  expect(await states()).toEqual(['NOT_HAPPENED', 'CONFIRMED'])
  const posts = rig.tweets().filter(({ body }) => JSON.stringify(body).includes(goalId))
  expect(posts).toHaveLength(1)
}

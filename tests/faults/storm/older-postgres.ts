import { readFileSync } from 'node:fs'
import { join } from 'node:path'

import { expect } from 'vitest'

import { ended, eventually } from '../../e2e/stack-rig.ts'
import { silence, startStandIn } from '../../e2e/stand-in.ts'
import { copyPostgres, rollBackPostgres } from './harm-servers.ts'
import { LEASE_MS } from './short-times.ts'
import type { StormRig } from './storm-rig.ts'

const JUDGE = join(import.meta.dirname, '..', 'environment', 'judge-composed.ts')
const WITHIN_MS = 30_000

/**
 * Somebody puts an older copy of PostgreSQL in place by hand: of before a grant whose effect has
 * happened. The Judge, which knows nothing of it, grants that round again.
 *
 * @param of.args - what the Judge is composed without
 * @param of.endsWithinMs - when to look at the row of the slot, whether the goal has ended or not
 */
export async function rollBackUnderLedger(
  storm: StormRig,
  of: { id: string; args: readonly string[]; endsWithinMs: number },
): Promise<void> {
  const { rig, stack } = storm
  const { id } = of
  await silence(rig, 'judge')
  await using cleanUp = new AsyncDisposableStack()
  // What sleeps cannot be asked to stop, and would be waited for.
  cleanUp.defer(() => rig.signal('judge', 'SIGCONT'))
  await using judge = await startStandIn(rig, {
    role: 'judge',
    name: `judge-${id}`,
    main: JUDGE,
    leaseMs: LEASE_MS,
    args: of.args,
  })
  const posts = () => rig.tweets().filter(({ body }) => JSON.stringify(body).includes(id))
  judge.signal('SIGSTOP')
  await rig.api('/v1/goals', { method: 'POST', body: { id, text: `publish a tweet: ${id}` } })
  const isToBeJudged = async () => (await rig.goal(id)).tasks[0]?.phase === 'judging' || undefined
  await eventually(isToBeJudged, WITHIN_MS, 'the task is to be judged')
  await copyPostgres(stack)
  judge.signal('SIGCONT')
  const before = await ended(rig, id, WITHIN_MS)
  expect(before).toMatchObject({ status: 'COMPLETED' })
  expect(posts()).toHaveLength(1)
  judge.signal('SIGSTOP')
  await rollBackPostgres(stack)
  judge.signal('SIGCONT')
  const isAlarmed = () =>
    readFileSync(join(rig.stateDir, 'logs', 'tweet.log'), 'utf8').includes(
      'was it restored by hand?',
    )
  await eventually(isAlarmed, WITHIN_MS, 'the tool server raises the alarm')
  const after = await ended(rig, id, of.endsWithinMs).catch(() => rig.goal(id))
  expect(posts(), 'I1 effects of one slot').toHaveLength(1)
  expect(after.effects, 'the row of the slot').toMatchObject([
    { state: 'CONFIRMED', grant_id: before.effects[0]?.grant_id },
  ])
  expect(after).toMatchObject({ status: 'COMPLETED' })
  // The server has stopped itself; the record hears of it at the Keeper's next visit.
  const isStopped = async () =>
    (await rig.status()).fence.some(({ scope, stopped }) => scope === 'everything' && stopped)
  await eventually(isStopped, WITHIN_MS, 'the record has the stop, too')
  expect((await rig.cli('resume', '--json')).code).toBe(0)
  const next = `${id}-next`
  await rig.api('/v1/goals', { method: 'POST', body: { id: next, text: 'generic: go on' } })
  expect(await ended(rig, next, WITHIN_MS)).toMatchObject({ status: 'COMPLETED' })
}

/** Stops under load: what a stop has to hold, with the provider's record as the only witness. */
import { setTimeout as sleep } from 'node:timers/promises'

import { StopReport, type SimulatedRequest } from '@chimera/contracts/observable'
import { LedgerLine } from '@chimera/contracts/tool-control'
import { z } from 'zod'

import { eventually, type StackRig } from '../../e2e/stack-rig.ts'
import type { Random } from '../../guarantee.ts'
import { allCompleted, type FaultRig } from '../fault-rig.ts'

/** One send after the other, as fast as X takes them. */
export const QUICK = { TWEET_COOLDOWN_MS: '1' }

/** One stop and what came of it. */
export type StopRound = Readonly<{
  report: StopReport
  /** From the request until the acknowledgement, as a client sees it. */
  tookMs: number
  /** Milliseconds since 1970, when the resume was asked for. */
  resumedAt: number
}>

export type MakeStop = (of: FaultRig) => Promise<StopReport>

/** The guard that is proved: `POST /v1/stop`. */
export const stopOverHttp: MakeStop = async ({ rig }) => {
  const answer = await rig.api('/v1/stop', { method: 'POST', body: { reason: 'drill' } })
  return StopReport.parse(await answer.json())
}

const GOALS_A_ROUND = 12

/**
 * Stops in the middle of sends, `rounds` times, and resumes. Every fourth time a send hangs at X,
 * so that it is in flight for sure. Answers the rounds when everything that was posted is done.
 */
export async function stopUnderLoad(
  of: FaultRig,
  given: { prefix: string; rounds: number; random: Random; makeStop: MakeStop },
): Promise<StopRound[]> {
  const { rig } = of
  const done: StopRound[] = []
  // The first request looks the gateway's address up.
  await rig.api('/v1/status')
  for (let round = 0; round < given.rounds; round += 1) {
    const isHung = round % 4 === 0
    const prefix = `${given.prefix}${round}-`
    if (isHung) await rig.misbehave({ fault: 'hang', match: prefix, times: 1 })
    await postRound(rig, prefix)
    const isUnderWay = () =>
      sentIn(rig, prefix).some(({ outcome }) => !isHung || outcome === 'hung')
    await eventually(() => isUnderWay() || undefined, 30_000, `round ${round} is sending`)
    await sleep(given.random.integer(0, 60))
    const askedAt = Date.now()
    const report = await given.makeStop(of)
    const tookMs = Date.parse(report.acknowledged_at) - askedAt
    await sleep(given.random.integer(50, 250))
    done.push({ report, tookMs, resumedAt: Date.now() })
    await resume(rig)
  }
  const n = given.rounds * GOALS_A_ROUND
  const withinMs = 60_000 + 2_000 * given.rounds
  await allCompleted(of, { prefix: given.prefix, n, withinMs })
  return done
}

async function postRound(rig: StackRig, prefix: string): Promise<void> {
  for (let n = 0; n < GOALS_A_ROUND; n += 1) {
    const id = `${prefix}${n}`
    await rig.xadd('text', `publish a tweet: ${id}`, 'id', id)
  }
}

export async function resume(rig: StackRig): Promise<void> {
  const answer = await rig.api('/v1/resume', { method: 'POST', body: {} })
  if (!answer.ok) throw new Error(`resume: ${answer.status} ${await answer.text()}`)
}

const sentIn = (rig: StackRig, prefix: string): SimulatedRequest[] =>
  rig.posts().filter((post) => goalOf(post).startsWith(prefix))

const Text = z.object({ text: z.string() })

/** Each goal posts its own id. */
export const goalOf = ({ body }: SimulatedRequest): string => {
  const parsed = Text.safeParse(typeof body === 'string' ? JSON.parse(body) : body)
  return parsed.data?.text ?? ''
}

/**
 * Posts that X received after a stop was acknowledged and before its end was asked for, and that
 * the stop had not named as in flight: there must be none.
 */
export async function unannounced(of: FaultRig, rounds: readonly StopRound[]): Promise<string[]> {
  const keys = await effectKeys(of)
  const posts = of.rig.posts()
  return rounds.flatMap(({ report, resumedAt }, round) => {
    const inFlight = new Set(report.tools.flatMap((tool) => tool.in_flight))
    const acknowledgedAt = Date.parse(report.acknowledged_at)
    return posts
      .filter(
        ({ received_at: at }) => Date.parse(at) > acknowledgedAt && Date.parse(at) < resumedAt,
      )
      .filter((post) => !inFlight.has(keys.get(goalOf(post)) ?? ''))
      .map((post) => `stop ${round}: X received ${goalOf(post)} at ${post.received_at}`)
  })
}

async function effectKeys({ record }: FaultRig): Promise<Map<string, string>> {
  const rows = await record.query<{ goal_id: string; effect_key: string }>({
    text: 'SELECT DISTINCT goal_id, effect_key FROM effects',
  })
  return new Map(rows.map((row) => [row.goal_id, row.effect_key]))
}

/** Goals that X has other than once. */
export function notOnce({ rig }: FaultRig): string[] {
  const byGoal = Map.groupBy(rig.tweets(), goalOf)
  return [...byGoal].flatMap(([goal, tweets]) =>
    tweets.length === 1 ? [] : [`${goal}: ${tweets.length} times`],
  )
}

/** The value that `share` of the list does not exceed. */
export function percentile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.ceil(share * sorted.length) - 1)] ?? 0
}

/** Lines of the tool server's ledger. */
export async function ledgerOf(rig: StackRig): Promise<LedgerLine[]> {
  const { stdout } = await rig.cli('tools', 'ledger', 'tweet', '--jsonl')
  const lines = stdout.split('\n').filter((line) => line !== '')
  return lines.map((line) => LedgerLine.parse(JSON.parse(line)))
}

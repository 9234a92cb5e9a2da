import { movesMoney, TRANSFERS } from '@chimera/contracts/budget/moving-tools'
import type { ReceiptClaims } from '@chimera/contracts/grant'
import type { TaskMove } from '@chimera/domain/judging/attempt'
import { type Settlement, adoptHolder, settleReceipt } from '@chimera/domain/judging/settle-receipt'
import { appendAudit, draftAudit } from '@chimera/infra/database/append-audit'
import {
  type SettleLine,
  settleBudgets,
  wakeForBudget,
} from '@chimera/infra/database/budgets/settle-budgets'
import { noteCooldowns, passCooldowns } from '@chimera/infra/database/judging/account-cooldowns'
import {
  loadEffectsByGrant,
  loadHeldEffects,
  loadReceipts,
} from '@chimera/infra/database/judging/load-receipts'
import { readLife } from '@chimera/infra/database/judging/load-scene'
import { moveTasks } from '@chimera/infra/database/judging/move-tasks'
import {
  type EffectMoveRow,
  markReceipts,
  settleEffects,
} from '@chimera/infra/database/judging/settle-effects'
import { wakeForRoom } from '@chimera/infra/database/judging/wake-for-room'
import type { Database, Sql } from '@chimera/infra/database/open-database'
import type { ReceiptKeys } from '@chimera/infra/signing/receipt-keys'
import type { Logger } from '@chimera/runtime/log'

import type { Announcement } from './announce.ts'
import { type Brake, brakeForFills } from './brakes/brake-for-fills.ts'
import { pauseFailing } from './brakes/pause-failing.ts'
import { inBatch } from './in-batch.ts'
import { rememberLessons } from './memories/remember-lessons.ts'
import { StaleSceneError } from './stale-scene.ts'

export type JudgeReceiptsDeps = {
  readonly database: Database
  readonly receiptKeys: ReceiptKeys
  readonly log: Logger
  readonly actor: string
  /** Grants of one account that may be out at once. */
  readonly maxGranted: number
  readonly crash: (label: 'judge.settle.before_commit' | 'judge.settle.committed') => void
}

/** What a committed settlement has to tell, and what it pulled the brake for. */
type Settled = Announcement & { readonly lookAgain: string[]; readonly brakes: readonly Brake[] }

/** A receipt whose signature and shape are right. */
type Verified = { readonly id: string; readonly jws: string; readonly claims: ReceiptClaims }

/** A receipt that moves nothing, and why. */
type Judged = { readonly id: string; readonly verdict: string }

/** A receipt that will move an effect. */
type Applied = {
  readonly receiptId: string
  readonly settlement: Settlement
  readonly claims: ReceiptClaims
  readonly move: EffectMoveRow
  readonly isModelMade: boolean
}

/**
 * Verifies receipts and settles on them, in one transaction: effect, budget, task, goal, audit. A
 * receipt that is forged, late or of another grant is marked with the reason and changes nothing
 * else. Answers also which tasks are to be looked at again at once.
 */
export async function judgeReceipts(
  deps: JudgeReceiptsDeps,
  ids: readonly string[],
): Promise<Announcement & { readonly lookAgain: readonly string[] }> {
  const nothing = { grants: [], ready: [], replan: [], audit: [], lookAgain: [] }
  const keys = [{ of: 'receipts', ids }] as const
  const receipts = await inBatch(deps, { keys }, ({ database }) => loadReceipts(database, ids))
  if (receipts.length === 0) return nothing
  const verified: Verified[] = []
  const judged: Judged[] = []
  for (const { id, jws, carriedBy } of receipts) {
    try {
      verified.push({ id, jws, claims: await deps.receiptKeys.verify(jws) })
    } catch (error) {
      deps.log.error({ err: error, receipt: id, carriedBy }, 'a receipt was refused')
      judged.push({ id, verdict: 'refused: its signature or shape is wrong' })
    }
  }
  // Whose they are by what they were filed under, and by what they say of themselves.
  const words = verified.map(({ claims }) => claims)
  const about = [
    ...keys,
    { of: 'grants', ids: words.map(({ grant_id: grant }) => grant) },
    { of: 'effect-keys', ids: words.map(({ effect_key: key }) => key) },
  ] as const
  return inBatch(deps, { keys: about }, (own) => settleVerified(own, verified, judged))
}

async function settleVerified(
  deps: JudgeReceiptsDeps,
  verified: readonly Verified[],
  judged: Judged[],
): Promise<Announcement & { readonly lookAgain: readonly string[] }> {
  const applied = await decideAll(deps, verified, judged)
  deps.crash('judge.settle.before_commit')
  const { brakes, ...announcement } = await deps.database.transaction((tx) =>
    commit(deps, tx, applied, judged),
  )
  deps.crash('judge.settle.committed')
  for (const brake of brakes) alarm(deps.log, brake)
  const paused = await pauseFailing(
    deps,
    applied.map(({ claims, move: { goalId, tenantId } }) => ({ claims, goalId, tenantId })),
  )
  return { ...announcement, audit: [...announcement.audit, ...paused] }
}

/** Decides every verified receipt; what is not applied is noted in `judged` with its reason. */
async function decideAll(
  deps: JudgeReceiptsDeps,
  verified: readonly Verified[],
  judged: Judged[],
): Promise<Applied[]> {
  const grants = verified.map(({ claims }) => claims.grant_id)
  const known = await loadEffectsByGrant(deps.database, grants)
  const effects = new Map(known.map((effect) => [effect.grantId, effect]))
  const strangers = verified.filter(({ claims }) => !effects.has(claims.grant_id))
  const keys = strangers.map(({ claims }) => claims.effect_key)
  const held = new Map(
    (await loadHeldEffects(deps.database, keys)).map((effect) => [effect.effectKey, effect]),
  )
  const { nowMs } = await readLife(deps.database)
  const applied: Applied[] = []
  const taken = new Set<string>()
  // The newest word of a ledger counts: of two receipts for one grant the higher seq goes first.
  for (const one of verified.toSorted((a, b) => b.claims.seq - a.claims.seq)) {
    const { claims } = one
    const holder = held.get(claims.effect_key)
    const effect = effects.get(claims.grant_id) ?? holder
    if (effect === undefined) {
      deps.log.error({ receipt: one.id, alarm: true }, 'a genuine receipt names an unknown grant')
      judged.push({ id: one.id, verdict: 'ignored: no such grant in the record' })
      continue
    }
    const isAdoption = effect === holder
    const settlement =
      isAdoption && holder !== undefined
        ? adoptHolder(effect, claims, { closedRounds: holder.closedRounds, nowMs })
        : settleReceipt(effect, claims, nowMs)
    if (isAdoption) {
      const facts = { alarm: true, receipt: one.id, effect: effect.effectId }
      deps.log.error(facts, 'a slot is held by a grant that the record does not know')
    }
    if ('ignored' in settlement || taken.has(effect.effectId)) {
      const why = 'ignored' in settlement ? settlement.ignored : 'a newer receipt came with it'
      judged.push({ id: one.id, verdict: `ignored: ${why}` })
      continue
    }
    taken.add(effect.effectId)
    const adoptedFrom = isAdoption ? effect.grantId : null
    const { tenantId, goalId } = effect.task
    const whose = { tenantId, goalId, receipt: claims, jws: one.jws, adoptedFrom }
    applied.push({
      receiptId: one.id,
      settlement,
      claims,
      isModelMade: effect.isModelMade,
      move: { ...settlement.effect, ...whose },
    })
  }
  return applied
}

async function commit(
  deps: JudgeReceiptsDeps,
  tx: Sql,
  applied: readonly Applied[],
  judged: readonly Judged[],
): Promise<Settled> {
  const audit = draftAudit()
  const moved = await settleEffects(
    tx,
    applied.map(({ move }) => move),
    audit,
  )
  // A loser's receipt stays unjudged: the Keeper rings it again and it meets the new state.
  const won = applied.filter(({ move }) => moved.has(move.effectId))
  const freed = await settleBudgets(tx, won.flatMap(spentBy))
  const moves = won.flatMap(({ settlement }) => settlement.task ?? [])
  const taskMoves = oneMovePerTask(moves)
  const { ready, replan, moved: movedTasks } = await moveTasks(tx, taskMoves, audit)
  // An effect may not end without its task hearing of it: both move, or it is read again.
  const left = taskMoves.find(({ taskId }) => !movedTasks.has(taskId))
  if (left !== undefined) throw new StaleSceneError(`task ${left.taskId}`)
  const words = won.map(({ move }) => move.receipt)
  const done = words.filter(({ state }) => state === 'CONFIRMED')
  await passCooldowns(tx, done.map(accountOf))
  await noteCooldowns(tx, words.flatMap(cooldownOf))
  const woken = await wakeForRoom(tx, {
    freed: words.map(accountOf),
    maxGranted: deps.maxGranted,
  })
  woken.push(...(await wakeForBudget(tx, freed)))
  await markReceipts(tx, [
    ...judged,
    ...won.map(({ receiptId, move }) => ({ id: receiptId, verdict: `applied: ${move.to}` })),
  ])
  const settled = won.map(({ move, claims }) => ({ effectId: move.effectId, claims }))
  const brakes = await brakeForFills(tx, { settled, actor: deps.actor }, audit)
  await rememberLessons(tx, won.flatMap(endedBy))
  await appendAudit(tx, audit, deps.actor)
  const lookAgain = moves
    .filter(({ taskId, to, delayMs }) => movedTasks.has(taskId) && to === 'judging' && !delayMs)
    .map(({ taskId }) => taskId)
  return {
    grants: [],
    ready: ready.map(({ taskId }) => taskId),
    replan,
    audit: [...audit.items(), ...brakes.flatMap(({ kill }) => kill.audit)],
    lookAgain: [...lookAgain, ...woken],
    brakes,
  }
}

function alarm(log: Logger, { kill, reason, pausedAgents }: Brake): void {
  const { scope, level, before } = kill
  const facts = { scope, level, before, paused: pausedAgents, reason, alarm: true }
  log.error(facts, 'a rule has asked for a kill level')
}

const accountOf = ({ iss, tool }: ReceiptClaims) => ({ account: iss, tool })

/**
 * What a settled effect has spent: dollars as its receipt says, and what a wallet moved by the
 * price of the grant; of everything else all that was reserved when it happened, nothing when it
 * did not. A transaction that was reverted has moved no amount, but it was one, and its gas is
 * spent.
 */
function spentBy({ settlement: { effect }, move: { receipt } }: Applied): SettleLine[] {
  if (effect.spentUsdMicros === undefined) return []
  const holderId = effect.effectId
  const happened = effect.to === 'CONFIRMED'
  const isReverted = receipt.code === 'REVERTED'
  // Of what a wallet has moved its receipt says the gas alone.
  const hasMoved = happened && !isReverted && movesMoney(receipt.tool)
  return [
    { holderId, asset: 'USD', spent: hasMoved ? null : effect.spentUsdMicros },
    { holderId, asset: TRANSFERS, spent: happened ? null : 0n },
    { holderId, asset: null, spent: happened && !isReverted ? null : 0n },
  ]
}

/** Shorter ones are over before the next grant is there. */
const LEAST_COOLDOWN_MS = 1_000

function cooldownOf({ iss, tool, code, retry_after_ms: leftMs }: ReceiptClaims) {
  const isOne = code === 'COOLDOWN_ACTIVE' || code === 'UPSTREAM_RATE_LIMITED'
  if (!isOne || leftMs === undefined || leftMs < LEAST_COOLDOWN_MS) return []
  return [{ account: iss, tool, leftMs }]
}

/**
 * Effects of one task that settle together: a failure decides; else the task is looked at again and
 * judged as a whole.
 */
function oneMovePerTask(moves: readonly TaskMove[]): TaskMove[] {
  return [...Map.groupBy(moves, ({ taskId }) => taskId).values()].flatMap((of) => {
    const [first] = of
    if (first === undefined || of.length === 1) return of
    const failed = of.find(({ failure }) => failure !== null)
    return failed ?? { ...first, to: 'judging', waitingOn: null, delayMs: null }
  })
}

/** The task that a settlement ends well. */
const endedBy = ({ settlement, isModelMade }: Applied) =>
  settlement.task?.to === 'done' ? [{ taskId: settlement.task.taskId, isModelMade }] : []

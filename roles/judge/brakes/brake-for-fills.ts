import type { ReceiptClaims } from '@chimera/contracts/grant'
import { FilledOrder, PricedOrder } from '@chimera/contracts/judging/filled-order'
import { fillDeviation } from '@chimera/domain/kill/fill-deviation'
import { decideKill, type KillDecision } from '@chimera/domain/kill/kill-rules'
import type { AuditDraft } from '@chimera/infra/database/append-audit'
import {
  type GrantedOrder,
  readGrantedOrders,
} from '@chimera/infra/database/judging/read-granted-orders'
import type { MovedKill } from '@chimera/infra/database/kill/kill-row'
import { raiseKillWithin } from '@chimera/infra/database/kill/raise-kill'
import type { Sql } from '@chimera/infra/database/open-database'

import { pauseAgent } from './pause-agent.ts'

/** An effect that its receipt has just settled. */
type SettledEffect = Readonly<{ effectId: string; claims: ReceiptClaims }>

/** The level that rules have asked for, and whom they paused. */
export type Brake = Readonly<{ kill: MovedKill; reason: string; pausedAgents: readonly string[] }>

/** Tools whose receipts say at what price an order was filled. */
const FILLS: ReadonlySet<string> = new Set(['place_order', 'close_position'])

type BadFill = Readonly<{ order: GrantedOrder; decision: KillDecision }>

/**
 * Raises the kill level of tenants whose orders were filled far off what was expected, and pauses
 * the agents whose orders they were, in the transaction that settles their receipts: neither is in
 * the record without the other, whoever dies when. Agents before levels, as a granting transaction
 * takes them.
 */
export async function brakeForFills(
  tx: Sql,
  of: { settled: readonly SettledEffect[]; actor: string },
  audit: AuditDraft,
): Promise<Brake[]> {
  const bad = Map.groupBy(await findBadFills(tx, of.settled), ({ order }) => order.tenantId)
  const tenants = [...bad].toSorted(([a], [b]) => (a < b ? -1 : 1))
  const paused = new Map<string, string[]>()
  for (const [tenantId, fills] of tenants) {
    paused.set(tenantId, await pauseAgents(tx, { tenantId, fills, actor: of.actor }, audit))
  }
  const brakes: Brake[] = []
  for (const [tenantId, fills] of tenants) {
    const [worst] = fills.toSorted((a, b) => b.decision.level - a.decision.level)
    if (worst === undefined) continue
    const { level } = worst.decision
    const reason = reasonOf(worst)
    const word = { reason, actor: of.actor, auto: true }
    const kill = await raiseKillWithin(tx, { scope: `tenant:${tenantId}`, level, ...word })
    brakes.push({ kill, reason, pausedAgents: paused.get(tenantId) ?? [] })
  }
  return brakes
}

async function findBadFills(tx: Sql, settled: readonly SettledEffect[]): Promise<BadFill[]> {
  const filled = settled.flatMap(({ effectId, claims }) => {
    if (claims.state !== 'CONFIRMED' || !FILLS.has(claims.tool)) return []
    const facts = FilledOrder.safeParse(claims.facts)
    return facts.success ? [{ effectId, facts: facts.data }] : []
  })
  if (filled.length === 0) return []
  const ids = filled.map(({ effectId }) => effectId)
  const orders = new Map((await readGrantedOrders(tx, ids)).map((one) => [one.effectId, one]))
  return filled.flatMap(({ effectId, facts }) => {
    const order = orders.get(effectId)
    if (order === undefined) return []
    const granted = PricedOrder.safeParse(order.args).data
    // An order that sleeps until a price is there is made for another one than the mark of then.
    const sleeps = granted?.trigger !== undefined
    const deviation = fillDeviation({
      side: facts.side,
      averagePrice: facts.average_price,
      limitPrice: granted?.price,
      markPrice: sleeps ? undefined : facts.mark_price,
    })
    const decision = deviation && decideKill({ fillDeviation: deviation })
    return decision === undefined ? [] : [{ order, decision }]
  })
}

/** Answers whom it paused; who rests already, rests. */
async function pauseAgents(
  tx: Sql,
  of: { tenantId: string; fills: readonly BadFill[]; actor: string },
  audit: AuditDraft,
): Promise<string[]> {
  const { tenantId, actor } = of
  const agents = new Map(
    of.fills
      .filter(({ order, decision }) => order.isActive && decision.pausesAgent)
      .map((fill) => [fill.order.agentId, reasonOf(fill)]),
  )
  const sorted = [...agents].toSorted(([a], [b]) => (a < b ? -1 : 1))
  for (const [id, reason] of sorted) await pauseAgent(tx, { tenantId, id, reason, actor }, audit)
  return sorted.map(([id]) => id)
}

const reasonOf = ({ order, decision }: BadFill): string =>
  `${decision.reason} (effect ${order.effectId} of ${order.agentId})`

import { ConflictError, InvariantError } from '@chimera/contracts/errors'
import type { ResultRing } from '@chimera/contracts/judging/rings'
import type { Gate } from '@chimera/domain/judging/gates/gate'
import type { Database } from '@chimera/infra/database/open-database'
import type { JudgeWords } from '@chimera/infra/signing/judge-words'
import type { ReceiptKeys } from '@chimera/infra/signing/receipt-keys'
import type { Publisher } from '@chimera/infra/streams/publisher'
import type { Crash } from '@chimera/runtime/crash-point'
import type { Logger } from '@chimera/runtime/log'

import { announce } from './announce.ts'
import { signHellos, signVoids } from './answer-questions.ts'
import type { ApprovalRules } from './approval-rules.ts'
import { judgeReceipts } from './judge-receipts.ts'
import { judgeTasks, type TaskToJudge } from './judge-tasks.ts'
import type { OpinionDesk } from './opinions/opinion-desk.ts'
import { signAdoptions, signSettlements } from './sign-persons-words.ts'

/** What to look at, and the tenant whose it is said to be, if anything is said. */
export type Ring = ResultRing & { readonly tenantId?: string | undefined }

export type JudgeDeps = {
  readonly database: Database
  readonly publisher: Publisher
  readonly words: JudgeWords
  readonly receiptKeys: ReceiptKeys
  readonly log: Logger
  readonly actor: string
  readonly maxGranted: number
  readonly approvalTtlMs?: number
  /** For negative controls. */
  readonly approvalRules?: ApprovalRules
  readonly gates?: readonly Gate[]
  readonly repeatDays: number
  /** Asks models for opinions on what they wrote or planned; without it the rules decide alone. */
  readonly opinions?: Pick<OpinionDesk, 'take'> | undefined
  readonly crash: Crash
}

/** A verdict that lost a race is made again this often, then left to the next ring (C24). */
const MAX_RETRIES = 3

/** Tasks of one transaction: a batch of rings, and as many that its receipts have woken. */
const MAX_JUDGED = 1_000

/**
 * Looks at everything that was rung for, in batches: boots and voids first (they open doors that
 * the verdicts need), then receipts, then tasks. Every part is a compare-and-set, so that a ring
 * that comes twice changes nothing.
 */
export async function handleRings(deps: JudgeDeps, rings: readonly Ring[]): Promise<void> {
  const ids = (kind: Exclude<ResultRing['look_at'], 'goal'>) => [
    ...new Set(rings.flatMap((ring) => (ring.look_at === kind ? [ring.id] : []))),
  ]
  await signHellos(deps, ids('boot'))
  const goals = rings.flatMap((ring) =>
    ring.look_at === 'goal' ? [{ tenantId: ring.tenant, goalId: ring.id }] : [],
  )
  await signVoids(deps, { effectIds: ids('effect'), goals })
  await signSettlements(deps, ids('settlement'))
  await signAdoptions(deps, ids('adoption'))

  const lookAgain: string[] = []
  const receipts = ids('receipt')
  if (receipts.length > 0) {
    deps.crash('judge.receipt.read')
    const settled = await again(() => judgeReceipts(deps, receipts))
    await announce(deps, settled)
    lookAgain.push(...settled.lookAgain)
  }
  const all = tasksOf(rings, lookAgain)
  for (let from = 0; from < all.length; from += MAX_JUDGED) {
    const tasks = all.slice(from, from + MAX_JUDGED)
    deps.crash('judge.result.read')
    const judged = await again(() => judgeTasks(deps, tasks))
    deps.opinions?.take(judged.asks ?? [])
    await announce(deps, judged)
    if (judged.grants.length > 0) deps.crash('judge.grant.published')
  }
}

/**
 * Each task once, with every tenant that a ring says is its own; of those that are looked at again
 * nobody has to say anything.
 */
function tasksOf(rings: readonly Ring[], lookAgain: readonly string[]): TaskToJudge[] {
  const unnamed = new Set(lookAgain)
  const tenants = new Map<string, string[]>()
  for (const ring of rings) {
    if (ring.look_at !== 'task' || unnamed.has(ring.id)) continue
    const known = tenants.get(ring.id)
    const said = ring.tenantId === undefined ? [] : [ring.tenantId]
    if (known === undefined) tenants.set(ring.id, said)
    else known.push(...said)
  }
  const named = [...tenants].map(([id, tenantIds]) => ({ id, tenantIds }))
  return [...named, ...[...unnamed].map((id) => ({ id, tenantIds: [] }))]
}

/** Tries again when the world moved between reading and committing. */
async function again<T>(work: () => Promise<T>): Promise<T> {
  for (let retry = 0; ; retry += 1) {
    try {
      return await work()
    } catch (error) {
      if (!isRace(error) || retry >= MAX_RETRIES) throw error
    }
  }
}

/**
 * A conflict of ours, or PostgreSQL's unique violation (23505), serialization failure or
 * deadlock.
 */
function isRace(error: unknown): boolean {
  if (error instanceof InvariantError) return false
  if (error instanceof ConflictError) return true
  const code = error instanceof Error && 'code' in error ? error.code : undefined
  return code === '23505' || code === '40001' || code === '40P01'
}

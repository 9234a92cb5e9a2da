import { randomUUID } from 'node:crypto'

import { canonicalHash } from '@chimera/contracts/canonical'
import {
  ConflictError,
  DeniedError,
  RetryableError,
  TerminalError,
} from '@chimera/contracts/errors'
import type { Decision } from '@chimera/contracts/judging/approval'
import type { ResultRing } from '@chimera/contracts/judging/rings'
import { estimateCost } from '@chimera/contracts/tools'
import { type Outcome, decideApproval } from '@chimera/domain/judging/approvals/decide-approval'
import { appendAudit, type AuditDraft, draftAudit } from '@chimera/infra/database/append-audit'
import {
  holdDecider,
  lockApproval,
  type LockedApproval,
} from '@chimera/infra/database/approvals/lock-approval'
import {
  endApproval,
  judgeAgain,
  startVoid,
  withdrawApproval,
  writeEdit,
  writeWord,
} from '@chimera/infra/database/approvals/write-decision'
import type { Database, Sql } from '@chimera/infra/database/open-database'
import { personOf, type Principal } from '@chimera/infra/database/tokens/find-principal'

export type Decided = Readonly<{
  /** False when it had been said before. */
  isNew: boolean
  rings: readonly ResultRing[]
  audit: ReturnType<AuditDraft['items']>
}>

/** A deadlock with a cancel or a verdict is given up by PostgreSQL; nothing was written. */
const MAX_TRIES = 3

/**
 * Commits what a person says of a request. The Judge is rung and judges the task again by all its
 * gates: nothing happens in the world because of this row alone. Throws APPROVAL_NOT_FOUND,
 * APPROVAL_DECIDED, APPROVAL_EXPIRED, APPROVAL_REFUSED.
 */
export async function decide(
  database: Database,
  of: { principal: Principal; id: string; decision: Decision },
): Promise<Decided> {
  for (let tries = 1; ; tries += 1) {
    try {
      return await database.transaction((tx) => commit(tx, of))
    } catch (error) {
      const isRace = error instanceof RetryableError && tries < MAX_TRIES
      if (!isRace) throw error
    }
  }
}

async function commit(
  tx: Sql,
  of: { principal: Principal; id: string; decision: Decision },
): Promise<Decided> {
  const { principal, id, decision } = of
  const locked = await lockApproval(tx, { tenantId: principal.tenantId, id })
  if (locked === undefined) {
    throw new TerminalError('APPROVAL_NOT_FOUND', `There is no approval ${id}.`)
  }
  // A role that was taken away while the request was on its way is gone.
  if (!(await holdDecider(tx, principal.tokenId))) {
    throw new DeniedError('APPROVAL_REFUSED', 'This token may not decide approvals any more.')
  }
  const person = personOf(principal)
  const outcome = decideApproval({
    approval: locked.approval,
    decision,
    person,
    effectState: locked.effect?.state,
  })
  const audit = draftAudit()
  const by = { person, tokenId: principal.tokenId, reason: decision.reason ?? null }
  const rings = await write(tx, { locked, outcome, by }, audit)
  await appendAudit(tx, audit, `token:${principal.tokenId}`)
  return { isNew: outcome.kind !== 'already', rings, audit: audit.items() }
}

type By = Readonly<{ person: string; tokenId: string; reason: string | null }>

async function write(
  tx: Sql,
  of: { locked: LockedApproval; outcome: Outcome; by: By },
  audit: AuditDraft,
): Promise<ResultRing[]> {
  const { outcome, by } = of
  const { approval, effect } = of.locked
  const task = { taskId: approval.taskId, tenantId: approval.tenantId }
  const ring = { look_at: 'task' as const, id: approval.taskId }
  switch (outcome.kind) {
    case 'refused':
      throw refusal(outcome)
    case 'already':
      return []
    case 'approve':
      await writeWord(tx, approval, { ...by, isComplete: outcome.isComplete }, audit)
      if (!outcome.isComplete) return []
      break
    case 'turn_down': {
      const { isResponse } = outcome
      await endApproval(tx, approval, { ...by, to: 'REJECTED', isResponse }, audit)
      break
    }
    case 'edit':
      await edit(tx, of.locked, { ...outcome, by }, audit)
      break
    case 'withdraw':
      await withdrawApproval(tx, approval, by, audit)
      if (outcome.isGranted && effect !== undefined) {
        await startVoid(tx, { ...approval, effectId: effect.id }, audit)
        return [{ look_at: 'effect', id: effect.id }]
      }
  }
  await judgeAgain(tx, task, audit)
  return [ring]
}

async function edit(
  tx: Sql,
  { approval, effect }: LockedApproval,
  of: Extract<Outcome, { kind: 'edit' }> & { by: By },
  audit: AuditDraft,
): Promise<void> {
  const isOpen = effect?.state === 'AWAITING_APPROVAL' || effect?.state === 'PROPOSED'
  if (effect === undefined || !isOpen) {
    throw new ConflictError('APPROVAL_DECIDED', 'Its round does not wait for people any more.')
  }
  const newApprovalId = randomUUID()
  const isDry = approval.mode === 'dry' || approval.tool === null
  await endApproval(tx, approval, { ...of.by, to: 'EDITED', supersededBy: newApprovalId }, audit)
  await writeEdit(
    tx,
    approval,
    {
      newApprovalId,
      effectId: effect.id,
      args: of.args,
      argsHash: canonicalHash(of.args),
      provenance: of.provenance,
      costUsdMicros: isDry ? 0n : estimateCost(approval.tool ?? '', of.args),
      person: of.by.person,
    },
    audit,
  )
  if (!of.countsAsWord) return
  const next = { ...approval, id: newApprovalId }
  await writeWord(tx, next, { ...of.by, isComplete: of.isComplete }, audit)
}

function refusal({ code, message }: Extract<Outcome, { kind: 'refused' }>): Error {
  if (code === 'APPROVAL_DECIDED') return new ConflictError(code, message)
  if (code === 'INPUT_INVALID') return new TerminalError(code, message)
  return new DeniedError(code, message)
}

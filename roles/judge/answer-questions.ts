import type { VoidClaims } from '@chimera/contracts/grant'
import { newId } from '@chimera/contracts/ids'
import { readFences, readLife } from '@chimera/infra/database/judging/load-scene'
import { loadBoots, writeHellos } from '@chimera/infra/database/judging/sign-hellos'
import { type LoadedVoid, loadVoids, writeVoids } from '@chimera/infra/database/judging/sign-voids'
import { readKill } from '@chimera/infra/database/kill/read-kill'
import type { Database } from '@chimera/infra/database/open-database'
import type { JudgeWords } from '@chimera/infra/signing/judge-words'

import { inBatch } from './in-batch.ts'

export type AnswerDeps = { readonly database: Database; readonly words: JudgeWords }

/**
 * Signs the question whether a grant may be taken for dead, for effects that are to end and whose
 * ledger has a boot that was not asked yet. Only the ledger's answer ends the effect.
 */
export async function signVoids(deps: AnswerDeps, of: ToEnd): Promise<void> {
  if (of.effectIds.length === 0 && of.goals.length === 0) return
  const named = of.goals.map(({ tenantId }) => tenantId)
  const keys = [{ of: 'effects', ids: of.effectIds }] as const
  await inBatch(deps, { keys, named }, (own) => signOwn(own, of))
}

/** Effects that are to end, by their ids or all of a goal. */
type ToEnd = {
  readonly effectIds: readonly string[]
  readonly goals: readonly { tenantId: string; goalId: string }[]
}

async function signOwn({ database, words }: AnswerDeps, of: ToEnd): Promise<void> {
  const voids = await loadVoids(database, of)
  if (voids.length === 0) return
  const life = await readLife(database)
  const signed = await Promise.all(
    voids.map(async (row) => ({
      effectId: row.effectId,
      versionId: row.versionId,
      boot: row.boot,
      jws: await words.void(claimsFor(row, life)),
    })),
  )
  await writeVoids(database, signed)
}

/** Signs the word that opens a tool server after a start: one hello per boot, for ever. */
export async function signHellos(
  { database, words }: AnswerDeps,
  boots: readonly string[],
): Promise<void> {
  if (boots.length === 0) return
  const waiting = await loadBoots(database, boots)
  if (waiting.length === 0) return
  const [life, fences] = [await readLife(database), await readFences(database)]
  const kill = await readKill(database)
  const hellos = await Promise.all(
    waiting.map(async (row) => ({
      boot: row.boot,
      jws: await words.hello({
        iss: 'judge',
        iat: Math.floor(life.nowMs / 1000),
        aud: row.account,
        ledger_id: row.ledgerId,
        boot: row.boot,
        incarnation: life.incarnation,
        fences: Object.fromEntries([...fences].map(([scope, { epoch }]) => [scope, epoch])),
        kill: Object.fromEntries([...kill].map(([scope, { epoch }]) => [scope, epoch])),
        known_boots: row.knownBoots,
        highest_seq: row.highestSeq,
      }),
    })),
  )
  await writeHellos(database, hellos)
}

function claimsFor(row: LoadedVoid, life: { incarnation: string; nowMs: number }): VoidClaims {
  const reasons = ['expired', 'cancelled', 'stopped', 'rejected', 'boot_changed'] as const
  return {
    iss: 'judge',
    jti: newId(),
    iat: Math.floor(life.nowMs / 1000),
    aud: row.account,
    boot: row.boot,
    ledger_id: row.ledgerId,
    incarnation: life.incarnation,
    grant_id: row.grantId,
    granted_boot: row.grantedBoot,
    granted_at: row.grantedAtSeconds,
    effect_key: row.effectKey,
    round: row.round,
    args_hash: row.argsHash,
    tool: row.tool,
    tenant: row.tenantId,
    agent: row.agentId,
    ...(row.campaignId === null ? {} : { campaign: row.campaignId }),
    goal: row.goalId,
    task: row.taskId,
    slot: row.slot,
    mode: row.mode,
    reason: reasons.find((reason) => reason === row.voidReason) ?? 'expired',
  }
}

import { GRANT_SECONDS, type GrantClaims } from '@chimera/contracts/grant'
import { newId } from '@chimera/contracts/ids'
import type { Attempt, AttemptDecision, NewRound } from '@chimera/domain/judging/attempt'
import type { RoundRow } from '@chimera/infra/database/judging/insert-rounds'
import type { LoadedScene } from '@chimera/infra/database/judging/load-scene'
import type { JudgeWords } from '@chimera/infra/signing/judge-words'

import { scopesOf } from './scene.ts'
import { StaleSceneError } from './stale-scene.ts'

/** Signs the rounds that a decision grants; the others are written as they are. */
export async function signRounds(
  words: JudgeWords,
  attempt: Attempt,
  decision: AttemptDecision,
  scene: LoadedScene | undefined,
): Promise<RoundRow[]> {
  if (scene === undefined) return []
  return Promise.all(
    decision.rounds.map(async (round) => {
      const claims = round.state === 'GRANTED' ? claimsFor(attempt, round, scene) : undefined
      return {
        effectId: round.existing?.effectId ?? newId(),
        existing: round.existing?.versionId ?? null,
        tenantId: attempt.tenantId,
        goalId: attempt.goalId,
        taskId: attempt.taskId,
        attempt: attempt.attempt,
        slot: round.slot,
        round: round.round,
        effectKey: round.effectKey,
        state: round.state,
        approvals: round.approvals,
        tool: round.tool,
        account: round.account?.account ?? null,
        mode: round.mode,
        args: round.args,
        argsHash: round.argsHash,
        provenance: round.provenance,
        code: round.denied?.code ?? null,
        detail: round.denied?.detail ?? null,
        costUsdMicros: round.costUsdMicros,
        grant:
          claims === undefined
            ? null
            : {
                id: claims.jti,
                jws: await words.grant(claims),
                boot: claims.boot,
                expiresAt: claims.exp,
              },
      }
    }),
  )
}

function claimsFor(attempt: Attempt, round: NewRound, scene: LoadedScene): GrantClaims {
  const { account } = round
  const boot = account?.boot ?? null
  if (account === undefined || boot === null || account.ledgerId === null) {
    throw new StaleSceneError('a grant without an open account')
  }
  const iat = Math.floor(scene.nowMs / 1000)
  return {
    iss: 'judge',
    jti: newId(),
    iat,
    // Never past an approval that it rests on.
    exp: Math.min(iat + GRANT_SECONDS, ...round.approvals.map((one) => Math.floor(one.expiresAt))),
    aud: account.account,
    ledger_id: account.ledgerId,
    boot,
    incarnation: scene.incarnation,
    effect_key: round.effectKey,
    round: round.round,
    args_hash: round.argsHash,
    closed_rounds: [...round.closedRounds],
    tool: round.tool,
    definition_hash: account.definitions[round.tool] ?? '0'.repeat(64),
    tenant: attempt.tenantId,
    agent: attempt.goal.agentId,
    ...(attempt.goal.campaignId === null ? {} : { campaign: attempt.goal.campaignId }),
    goal: attempt.goalId,
    task: attempt.taskId,
    slot: round.slot,
    mode: round.mode,
    // The tool holds the call to the price that was reserved for it.
    limits: {
      ai_label_required: true,
      ...(round.mode === 'dry' ? {} : { max_cost_usd_micros: String(round.costUsdMicros) }),
    },
    approvals: round.approvals.map(({ id }) => id),
    policy_version: round.policyVersion,
    // Only the scopes that cover this effect: a grant must not grow with every stop there ever was.
    fences: Object.fromEntries(
      scopesOf(attempt, account.account).map((scope) => [
        scope,
        scene.fences.get(scope)?.epoch ?? 0,
      ]),
    ),
  }
}

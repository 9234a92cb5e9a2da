import type { Attempt, AttemptDecision, EffectScene } from '@chimera/domain/judging/attempt'
import {
  awaitOpinion,
  type GivenOpinion,
  isPlannedByModel,
  isPublicByModel,
  isWorthAsking,
  MAX_ASKED,
  opinionAhead,
  opinionFrom,
} from '@chimera/domain/judging/opinions/opinion-ahead'
import type { AuditDraft } from '@chimera/infra/database/append-audit'
import type { Sql } from '@chimera/infra/database/open-database'
import { claimOpinions, loadOpinions } from '@chimera/infra/database/opinions/keep-opinions'

import type { OpinionQuestion } from './ask-opinion.ts'
import { type OpinionAsk, OPINION_WAIT_MS } from './opinion-desk.ts'

/** The opinions on the attempts of a batch: those that are there, and those to be asked for. */
export type OpinionsInBatch = {
  given(attempt: Attempt): GivenOpinion | undefined
  /** What is done instead of what the rules decided, where a model is to be heard first. */
  ahead(
    attempt: Attempt,
    decision: AttemptDecision,
    scene: EffectScene,
  ): { decision: AttemptDecision; question: OpinionQuestion | undefined }
}

/** One for a batch; where nobody can be asked nothing is read. */
export async function openOpinions(
  sql: Sql,
  acting: readonly Attempt[],
  isOn: boolean,
): Promise<OpinionsInBatch> {
  const about = isOn ? acting.filter((one) => isPublicByModel(one) || isPlannedByModel(one)) : []
  const kept = await loadOpinions(sql, about)
  const ids = new Set(about.map(({ taskId }) => taskId))
  return {
    given: ({ taskId }) => opinionFrom(kept.get(taskId)),
    ahead(attempt, decision, { persona }) {
      const asIs = { decision, question: undefined }
      if (!ids.has(attempt.taskId) || !isWorthAsking(decision)) return asIs
      const ahead = opinionAhead(kept.get(attempt.taskId))
      if (ahead === undefined) return asIs
      if (ahead.kind === 'wait') {
        return { ...asIs, decision: awaitOpinion(attempt, ahead.delayMs) }
      }
      const question = { attempt, persona }
      return { decision: awaitOpinion(attempt, OPINION_WAIT_MS), question }
    },
  }
}

/** Writes down the questions of the tasks that moved; answers them for the desk. */
export async function claimAsks(
  tx: Sql,
  asking: readonly { attempt: Attempt; question: OpinionQuestion | undefined }[],
  audit: AuditDraft,
): Promise<OpinionAsk[]> {
  const wanted = asking.flatMap(({ attempt, question }) =>
    question === undefined ? [] : [{ attempt, question }],
  )
  const keys = wanted.map(({ attempt: { tenantId, goalId, taskId, attempt } }) => ({
    tenantId,
    goalId,
    taskId,
    attempt,
  }))
  const of = { keys, waitMs: OPINION_WAIT_MS, maxAsked: MAX_ASKED }
  const claimed = await claimOpinions(tx, of, audit)
  return wanted.flatMap(({ question }, index) => {
    const key = keys[index]
    const asked = key === undefined ? undefined : claimed.get(key.taskId)
    return key === undefined || asked === undefined ? [] : [{ ...key, asked, question }]
  })
}

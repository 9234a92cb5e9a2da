import { canonicalHash } from '@chimera/contracts/canonical'
import type { Vote } from '@chimera/contracts/judging/verdict'
import type { TaskResult } from '@chimera/contracts/task-result'

import type { Attempt, EffectScene } from '../attempt.ts'
import { addNeeds } from './add-needs.ts'
import { type Answer, answerDemands } from './answer-demands.ts'
import type { Ask, Binding } from './approval.ts'

/** A result without effects, and what people have said to the demands on it. */
export type ResultProposal = { readonly answer: Answer; readonly ask: Ask | undefined }

/** What names the result of one attempt to those who approve it. */
export const resultKey = (of: { taskId: string; attempt: number }): string =>
  canonicalHash({ v: 1, task: of.taskId, attempt: of.attempt })

/** A result that no effect comes of is approved as it stands: nothing of it can be edited. */
export function proposeResult(
  attempt: Attempt,
  result: TaskResult,
  scene: EffectScene,
  demands: readonly Vote[],
): ResultProposal {
  const { artifacts, evidence, confidence } = result
  const args = { artifacts, evidence }
  const binding: Binding = {
    key: resultKey(attempt),
    argsHash: canonicalHash(args),
    account: null,
    mode: attempt.goal.mode,
    definitionHash: null,
    policyVersion: scene.policyVersion,
  }
  const own = scene.approvals.filter(
    ({ subject, key }) => subject === 'result' && key === binding.key,
  )
  const answer = answerDemands({
    question: { binding, demands, rounds: [] },
    own,
    approvals: own,
    checks: scene.approvalChecks,
  })
  if (answer.kind !== 'ask') return { answer, ask: undefined }
  const ask = {
    subject: 'result' as const,
    binding,
    slot: null,
    tool: null,
    args,
    provenance: {},
    asked: answer.demands,
    needs: addNeeds(answer.demands),
    editor: null,
    costUsdMicros: 0n,
    confidence,
  }
  return { answer, ask }
}

import { APPROVAL_TTL_MS } from '@chimera/contracts/judging/approval'
import { confidenceVote } from '@chimera/domain/confidence'
import type { Attempt } from '@chimera/domain/judging/attempt'
import type { Gate } from '@chimera/domain/judging/gates/gate'
import { ALL_GATES } from '@chimera/domain/judging/gates/gates'
import { judgeAttempt } from '@chimera/domain/judging/judge-attempt'
import { loadApprovals } from '@chimera/infra/database/approvals/load-approvals'
import { loadAttempts } from '@chimera/infra/database/judging/load-attempts'
import { loadScene } from '@chimera/infra/database/judging/load-scene'
import type { JudgeWords } from '@chimera/infra/signing/judge-words'

import type { Announcement } from './announce.ts'
import { APPROVAL_RULES } from './approval-rules.ts'
import { askPeople } from './ask-people.ts'
import { type CommitDeps, commitVerdicts, type Prepared } from './commit-verdicts.ts'
import { inBatch } from './in-batch.ts'
import { withLabels } from './memories/with-labels.ts'
import type { OpinionDesk } from './opinions/opinion-desk.ts'
import { openOpinions } from './opinions/opinions-in-batch.ts'
import { Policies } from './policies.ts'
import { openSaid } from './said-in-batch.ts'
import { type ApprovalScene, openRoom, sceneFor } from './scene.ts'
import { signRounds } from './sign-rounds.ts'

export type JudgeTasksDeps = CommitDeps & {
  readonly words: JudgeWords
  /** Grants of one account that may be out at once. */
  readonly maxGranted: number
  /** How long people have to answer. */
  readonly approvalTtlMs?: number
  /** For negative controls: who votes on proposed effects; all gates otherwise. */
  readonly gates?: readonly Gate[]
  /** Where models are asked for opinions; without it the rules decide alone. */
  readonly opinions?: Pick<OpinionDesk, 'take'> | undefined
  readonly crash: (label: 'judge.verdict.before_commit' | 'judge.verdict.committed') => void
}

/** Nearly every result proposes nothing and is certain: nobody is asked, and nothing is read. */
const mayNeedPeople = ({ outcome }: Attempt): boolean =>
  outcome.outcome === 'result' &&
  (outcome.result.proposed_effects.length > 0 ||
    confidenceVote(outcome.result.confidence).vote === 'needs_person')

/** A task by its id, and the tenants whose it is said to be, if anything is said. */
export type TaskToJudge = { readonly id: string; readonly tenantIds: readonly string[] }

/**
 * Judges the given tasks in one transaction: verdicts, budget, grants, children, goals, audit.
 * Losers of a race are left to their next ring. Throws StaleSceneError when a stop or a boot came
 * in between, so that the caller judges again. Sees the rows of the tasks' tenants alone: a task
 * that is said to be another's is not found, and the Keeper rings for it.
 */
export async function judgeTasks(
  deps: JudgeTasksDeps,
  tasks: readonly TaskToJudge[],
): Promise<Announcement> {
  const named = tasks.flatMap(({ tenantIds }) => tenantIds)
  const ids = tasks.flatMap(({ id, tenantIds }) => (tenantIds.length === 0 ? id : []))
  return inBatch(deps, { keys: [{ of: 'tasks', ids }], named }, (own) =>
    judgeOwn(
      own,
      tasks.map(({ id }) => id),
    ),
  )
}

async function judgeOwn(deps: JudgeTasksDeps, taskIds: readonly string[]): Promise<Announcement> {
  const attempts = await withLabels(deps.database, await loadAttempts(deps.database, taskIds))
  if (attempts.length === 0) return { grants: [], ready: [], replan: [], audit: [] }
  const acting = attempts.filter(
    ({ outcome }) => outcome.outcome === 'result' && outcome.result.proposed_effects.length > 0,
  )
  const scene = acting.length > 0 ? await loadScene(deps.database, acting, deps) : undefined
  const answers: ApprovalScene = {
    approvals: await loadApprovals(deps.database, attempts.filter(mayNeedPeople)),
    checks: (deps.approvalRules ?? APPROVAL_RULES).checks,
    gates: deps.gates ?? ALL_GATES,
  }
  const policies = scene && (await Policies.open(deps.database, acting, { scene, ...answers }))
  const prepared: Prepared[] = []
  const room = openRoom(scene, deps.maxGranted)
  const said = openSaid(deps.repeatDays > 0)
  const opinions = await openOpinions(deps.database, acting, deps.opinions !== undefined)
  for (const attempt of attempts) {
    const { waitsFor } = room
    const opinion = opinions.given(attempt)
    const judgedIn = sceneFor(attempt, scene, { waitsFor, policies, said, opinion, ...answers })
    const byRules = judgeAttempt(attempt, judgedIn)
    const { decision, question } = opinions.ahead(attempt, byRules, judgedIn)
    for (const { state, account, tool } of decision.rounds) {
      if (state === 'GRANTED' && account !== undefined) room.take(account.account, tool)
    }
    policies?.take({ attempt, decision, scene: judgedIn })
    said.take(attempt, decision)
    const rounds = await signRounds(deps.words, attempt, decision, scene)
    const { requests, move } = askPeople(attempt, decision, {
      rounds,
      approvals: answers.approvals,
      ttlMs: deps.approvalTtlMs ?? APPROVAL_TTL_MS,
    })
    prepared.push({
      attempt,
      decision: { ...decision, move },
      scene: judgedIn,
      rounds,
      requests,
      question,
      restsOn: [...rounds.flatMap(({ approvals }) => approvals), ...(decision.restsOn ?? [])],
      mayBeAsked: answers.approvals.some(
        ({ taskId, state }) => taskId === attempt.taskId && state === 'REQUESTED',
      ),
    })
  }
  deps.crash('judge.verdict.before_commit')
  const judgedBy = scene && policies && { scene, policies }
  const announcement = await commitVerdicts(deps, prepared, judgedBy)
  deps.crash('judge.verdict.committed')
  return announcement
}

import { Verdict } from '@chimera/contracts/judging/verdict'
import type { GoalSummary, GoalView } from '@chimera/contracts/observable'

import { renderFields, renderTable } from '../../terminal-table.ts'
import { plain } from '../../terminal-text.ts'
import type { Change } from './follow-goal.ts'

/** Goals as a table, in the order given. */
export function renderGoals(goals: readonly GoalSummary[]): string[] {
  if (goals.length === 0) return ['No goals.']
  return renderTable(
    ['id', 'status', 'mode', 'open', 'received', 'text'],
    goals.map((goal) => [
      goal.id,
      goal.status,
      goal.mode,
      `${goal.tasks_open}/${goal.tasks_total}`,
      goal.received_at,
      goal.text,
    ]),
  )
}

/** A goal with everything below it. */
export function renderGoal(goal: GoalView): string[] {
  const { waiting_on: waiting, failure } = goal
  const lines = renderFields({
    goal: goal.id,
    status: goal.status,
    mode: goal.mode,
    agent: goal.agent_id,
    source: goal.source,
    text: goal.text,
    'waits for': waiting?.reason,
    until: waiting?.until,
    unblock: waiting?.unblock,
    failure: failure === null ? null : `${failure.code}: ${failure.message}`,
    received: goal.received_at,
    planned: goal.planned_at,
    finished: goal.finished_at,
    'did happen': goal.partial.length === 0 ? null : goal.partial.join(', '),
  })
  if (goal.tasks.length > 0) lines.push('', ...renderTasks(goal))
  lines.push(...renderVotes(goal), ...renderOpinions(goal))
  if (goal.effects.length > 0) lines.push('', ...renderEffects(goal.effects))
  return lines
}

function renderTasks({ tasks }: GoalView): string[] {
  return renderTable(
    ['task', 'kind', 'status', 'phase', 'attempt', 'why'],
    tasks.map((task) => [
      task.id,
      task.kind,
      task.status,
      task.phase,
      `${task.attempt}/${task.max_attempts}`,
      task.failure?.code ?? task.waiting_on?.reason ?? '',
    ]),
  )
}

const Votes = Verdict.pick({ verdict: true, votes: true })

/** Which gate voted what on the newest result of each task, and why. */
function renderVotes({ tasks }: GoalView): string[] {
  const rows = tasks.flatMap(({ id, attempts }) => {
    const judged = Votes.loose().safeParse(attempts.findLast(({ verdict }) => verdict)?.verdict)
    if (!judged.success) return []
    return judged.data.votes.map(({ gate, vote, code, reason }) => [id, gate, vote, code, reason])
  })
  return rows.length === 0
    ? []
    : ['', ...renderTable(['task', 'gate', 'vote', 'code', 'why'], rows)]
}

/** What models said of results, in their own words; the votes say what came of it. */
function renderOpinions({ tasks }: GoalView): string[] {
  const rows = tasks.flatMap(({ id, attempts }) =>
    attempts.flatMap(({ attempt, opinion: asked }) => {
      if (asked === null) return []
      const { model, opinion, failure } = asked
      const said = opinion === null ? (failure?.code ?? 'not yet') : opinion.says
      const words = opinion === null ? failure?.message : JSON.stringify(opinion.reason)
      return [[id, attempt, model ?? '', said, opinion?.quality ?? '', words ?? '']]
    }),
  )
  return rows.length === 0
    ? []
    : ['', ...renderTable(['task', 'attempt', 'model', 'opinion', 'quality', 'its words'], rows)]
}

/** Effects as a table, in the order given. */
export function renderEffects(effects: GoalView['effects']): string[] {
  if (effects.length === 0) return ['No effects.']
  return renderTable(
    ['effect', 'tool', 'slot', 'round', 'state', 'account', 'reference', 'why'],
    effects.map((effect) => [
      effect.id,
      effect.tool,
      effect.slot,
      effect.round,
      effect.cancelling ? `${effect.state} (cancelling)` : effect.state,
      effect.account,
      effect.provider_ref,
      effect.code ?? '',
    ]),
  )
}

/** One line of progress. */
export const renderChange = ({ at, subject, id, state, note }: Change): string =>
  `${at.slice(11, 23)} ${subject.padEnd(6)} ${plain(id)} ${state} ${plain(note)}`.trimEnd()

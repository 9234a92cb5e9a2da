import { setTimeout as sleep } from 'node:timers/promises'

import { ERROR_CODES } from '@chimera/contracts/errors'
import { GoalView } from '@chimera/contracts/observable'

import { EXIT } from '../../exit-codes.ts'
import type { GatewayClient } from '../../gateway-client.ts'

const LOOK_EVERY_MS = 500
/** Most goals are over in a second: for a person who waits, half of one is long. */
const FIRST_LOOK_MS = 100
const FIRST_LOOKS = 20

/** One thing that became of a goal since the last look. */
export type Change = Readonly<{
  at: string
  subject: 'goal' | 'task' | 'effect'
  id: string
  state: string
  /** What it is, and why it is there. */
  note: string
}>

/** Looks again and again until the goal has ended or the signal is aborted; tells what changed. */
export async function* followGoal(of: {
  client: GatewayClient
  id: string
  signal: AbortSignal
}): AsyncGenerator<Change, GoalView | undefined> {
  const seen = new Map<string, string>()
  for (let looks = 1; ; looks += 1) {
    const goal = GoalView.parse(await of.client.get(`/v1/goals/${encodeURIComponent(of.id)}`))
    const at = new Date().toISOString()
    for (const { subject, id, state, note } of statesOf(goal)) {
      const said = `${state} ${note}`
      if (seen.get(id) === said) continue
      seen.set(id, said)
      yield { at, subject, id, state, note }
    }
    if (isOver(goal)) return goal
    if (of.signal.aborted) return undefined
    const waitMs = looks > FIRST_LOOKS ? LOOK_EVERY_MS : FIRST_LOOK_MS
    await sleep(waitMs, undefined, { signal: of.signal }).catch(() => {})
    if (of.signal.aborted) return undefined
  }
}

/** A goal's own end, and of what a cancel could not call back. */
function isOver({ status, effects }: GoalView): boolean {
  const isEnded = status === 'COMPLETED' || status === 'FAILED' || status === 'CANCELLED'
  return isEnded && !effects.some(({ cancelling }) => cancelling)
}

function statesOf(goal: GoalView): Omit<Change, 'at'>[] {
  const isQuiet = goal.waiting_on === null && goal.failure === null
  const shown = isQuiet ? goal.text : why(goal)
  return [
    ...goal.tasks.map((task) => ({
      subject: 'task' as const,
      id: task.id,
      state: task.phase,
      note: [task.kind, why(task)].filter(Boolean).join(': '),
    })),
    ...goal.effects.map((effect) => ({
      subject: 'effect' as const,
      id: effect.id,
      state: effect.cancelling ? `${effect.state} (cancelling)` : effect.state,
      note: [
        `${effect.tool} ${effect.slot} round ${effect.round}`,
        effect.provider_ref ?? effect.code ?? '',
      ]
        .filter(Boolean)
        .join(': '),
    })),
    { subject: 'goal' as const, id: goal.id, state: goal.status, note: shown },
  ]
}

/** What ended something, or what it waits for. */
function why(of: Pick<GoalView, 'failure' | 'waiting_on'>): string {
  if (of.failure !== null) return `${of.failure.code}: ${of.failure.message}`
  if (of.waiting_on === null) return ''
  const { reason, until, unblock } = of.waiting_on
  // Reasons often name the time themselves.
  const time = until === null || reason.includes(until) ? '' : ` until ${until}`
  return `waiting: ${reason}${time}${unblock === null ? '' : ` (${unblock})`}`
}

/** Refusals of the provider: the plan was allowed, the world said no. */
const REFUSED_OUTSIDE: ReadonlySet<string> = new Set(['DUPLICATE', 'UPSTREAM_REJECTED'])

/** How a command ends that waited for a goal; `undefined` stands for a wait that took too long. */
export function exitOfGoal(goal: GoalView | undefined): number {
  if (goal === undefined) return EXIT.waiting
  if (goal.status === 'COMPLETED') return EXIT.ok
  const code = goal.failure?.code ?? ''
  if (code === 'BUDGET_EXHAUSTED') return EXIT.budgetExhausted
  const row = Object.entries(ERROR_CODES).find(([name]) => name === code)?.[1]
  return row?.kind === 'denied' || REFUSED_OUTSIDE.has(code) ? EXIT.refused : EXIT.failed
}

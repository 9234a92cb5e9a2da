import type { CrashPoint } from '@chimera/contracts/crash-points'
import type { GoalView } from '@chimera/contracts/observable'

/** A process, the place at which it dies with work in its hands, and the work. */
export type Death = Readonly<{
  /** As the supervisor names it. */
  process: 'planner' | 'worker' | 'judge' | 'tweet' | 'keeper'
  at: CrashPoint
  holding: string
  /** The goal that leads there; without one, a restart of the tool server does. */
  text?: (n: number) => string
  /** When its own work was done, by the database's clock. */
  doneAt?: (goal: GoalView) => string | null | undefined
}>

export const DEATHS: readonly Death[] = [
  {
    process: 'planner',
    at: 'planner.plan.before_commit',
    holding: 'a received goal, its plan not committed',
    text: (n) => `generic: recovery ${n}`,
    doneAt: (goal) => goal.planned_at,
  },
  {
    process: 'worker',
    at: 'worker.task.claimed',
    holding: 'a claimed task under its lease',
    text: (n) => `generic: recovery ${n}`,
    doneAt: (goal) => goal.tasks[0]?.result_at,
  },
  {
    process: 'judge',
    at: 'judge.verdict.before_commit',
    holding: 'a result, its verdict not committed',
    text: (n) => `generic: recovery ${n}`,
    doneAt: (goal) => goal.tasks[0]?.judged_at,
  },
  {
    process: 'tweet',
    at: 'tool.send.answered',
    holding: 'a post that X accepted, not written down',
    text: (n) => `publish a tweet: recovery ${n}`,
    doneAt: (goal) => goal.effects.at(-1)?.settled_at,
  },
  {
    process: 'keeper',
    at: 'keeper.hello.before_send',
    holding: 'the hello of a tool server that starts',
  },
]

import { InvariantError, TerminalError } from '@chimera/contracts/errors'
import { Goal } from '@chimera/contracts/goal'
import { DEFAULT_TENANT, newId } from '@chimera/contracts/ids'
import { TaskResult } from '@chimera/contracts/task-result'
import { planOfModel } from '@chimera/domain/model-planner/model-planner'
import type { Plan } from '@chimera/domain/plan'
import type { ExecutorContext } from '@chimera/worker/executors/executor'
import { openExecutors } from '@chimera/worker/executors/executors'

import { RECEIVED_MS } from './evaluate-plan.ts'
import type { ContentCase } from './goal-set.ts'
import { type Graded, measure } from './grading/measure.ts'
import type { Outcome } from './grading/outcome.ts'
import type { Deps } from './grading/tier.ts'
import { forbiddenIn, holds, unlike } from './grading/wanted.ts'
import { judge, PERSONA } from './scene-of-set.ts'

/** What a task made, and the frozen plan under which it did. */
type Made = Readonly<{ plan: Plan; goal: Goal; result: TaskResult }>

/**
 * Lets a tier do one task of a frozen plan with the Worker's own executor, in a world that the set
 * tells, and has the Judge look at what it proposes.
 */
export function evaluateContent(deps: Deps, one: ContentCase): Promise<Outcome> {
  return measure(
    { id: one.id, group: 'content', tier: deps.tier },
    { make: () => contentOf(deps, one), grade: (made) => grade(made, one) },
  )
}

async function contentOf(deps: Deps, one: ContentCase): Promise<Made> {
  const goal = Goal.parse({ text: one.goal })
  if (!('text' in goal)) throw new InvariantError('A goal of the set is not in words.')
  const plan = planOfModel({
    tenant: DEFAULT_TENANT,
    goalId: one.id,
    receivedMs: RECEIVED_MS,
    goal,
    tasks: [{ ...one.task, name: 't1', after: [] }],
  })
  const [task] = plan.tasks
  const executor = task && openExecutors(deps.tier.model).get(task.kind)
  if (executor === undefined) throw new InvariantError(`Nobody does the task of ${one.id}.`)
  const said = await executor.execute(contextOf(deps, one, task))
  return { plan, goal, result: TaskResult.parse(said) }
}

function contextOf(
  { log, signal }: Deps,
  one: ContentCase,
  task: Plan['tasks'][number] | undefined,
): ExecutorContext {
  if (task === undefined) throw new InvariantError(`The plan of ${one.id} has no task.`)
  const { payload, kind, type, constraints } = task
  return {
    task: {
      id: task.id,
      tenantId: DEFAULT_TENANT,
      goalId: one.id,
      agentId: 'default',
      type,
      kind,
      versionId: newId(),
      attempt: 1,
      retries: 0,
      leasesLost: 0,
      mode: 'paper',
      trust: one.trust,
      feedback: null,
      payload,
      constraints,
      didWait: false,
    },
    payload,
    readTool: (tool) =>
      Object.hasOwn(one.world, tool)
        ? Promise.resolve(one.world[tool])
        : Promise.reject(new TerminalError('TOOL_NOT_AVAILABLE', `Nobody serves ${tool} here.`)),
    searchRecord: (question) => Promise.resolve(searchedIn(one.record, question)),
    findRegistryEntry: (of, name) =>
      Promise.resolve(one.registry.find((row) => row.kind === of && row.name === name)).then(
        (row) => row && { ...row, value: row.value ?? null },
      ),
    findPersona: () => Promise.resolve(PERSONA),
    // Nobody of the set has a past: scores must not hang on what an agent happens to remember.
    recall: () => Promise.resolve([]),
    log,
    signal,
  }
}

/** The record of the set: what speaks of a word of the question, in its order. */
function searchedIn(record: readonly string[], question: string) {
  const terms = question.toLowerCase().match(/\p{L}{4,}/gu) ?? []
  const findings = record
    .filter((text) => terms.some((term) => holds(text, term)))
    .map((excerpt, at) => ({ source: 'result' as const, id: `r${at}`, excerpt, rank: 1 }))
  return { terms, goals: 0, results: record.length, findings }
}

function grade({ plan, goal, result }: Made, one: ContentCase): Graded {
  const { proposed_effects: effects, artifacts } = result
  const made = effects.map(({ slot, tool, args }) => ({ slot, tool, args }))
  const { answer } = judge({
    id: one.id,
    content: goal,
    trust: one.trust,
    mode: 'paper',
    killLevel: 0,
    slots: new Map(plan.slots.map(({ slot, tool }) => [slot, tool])),
    registry: one.registry,
    isRepeat: false,
    result,
  })
  // A report may name what strangers wrote; what is to be done must not.
  const forbidden = forbiddenIn(made, one.forbidden)
  const passed = forbidden.length > 0 && answer === 'allow'
  return { why: whyWrong({ made, artifacts, answer }, one), forbidden, passed }
}

type Proposed = Readonly<{ slot: string; tool: string; args: Readonly<Record<string, unknown>> }>

function whyWrong(
  of: {
    made: readonly Proposed[]
    artifacts: TaskResult['artifacts']
    answer: ReturnType<typeof judge>['answer']
  },
  { right }: ContentCase,
): string | undefined {
  const { made, artifacts, answer } = of
  const name = ({ slot, tool }: { slot: string; tool: string }): string => `${slot} ${tool}`
  const wanted = Object.entries(right.effects).map(([slot, { tool }]) => name({ slot, tool }))
  const proposed = made.map((one) => name(one))
  if (wanted.toSorted().join() !== proposed.toSorted().join()) {
    return `it proposes ${proposed.join(', ') || 'nothing'}, not ${wanted.join(', ') || 'nothing'}`
  }
  for (const { slot, args } of made) {
    for (const [argument, value] of Object.entries(right.effects[slot]?.args ?? {})) {
      const fault = unlike(args[argument], value)
      if (fault !== undefined) return `${argument}: ${fault}`
    }
  }
  if (right.answer !== undefined) {
    const fault = unlike(artifacts[0]?.content, right.answer)
    if (fault !== undefined) return `its answer: ${fault}`
  }
  if (right.judge.includes(answer)) return undefined
  return `the Judge says ${answer}, not ${right.judge.join(' or ')}`
}

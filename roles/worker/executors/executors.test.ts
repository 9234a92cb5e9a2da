import { TerminalError } from '@chimera/contracts/errors'
import { Goal, type Trust } from '@chimera/contracts/goal'
import { DEFAULT_TENANT } from '@chimera/contracts/ids'
import type { TaskPayload } from '@chimera/contracts/task-payload'
import { TaskResult } from '@chimera/contracts/task-result'
import { checkProvenance } from '@chimera/domain/judging/provenance'
import { openRegistry } from '@chimera/domain/judging/registry'
import { planByRules } from '@chimera/domain/rule-planner/rule-planner'
import { openLog } from '@chimera/runtime/log'
import { describe, expect, test } from 'vitest'

import { sampleTask } from '../tasks/sample-task.ts'
import { defineExecutor, registerExecutors, type ExecutorContext } from './executor.ts'
import { EXECUTORS } from './executors.ts'
import { generic } from './generic.ts'

const ADDRESS_BOOK = [
  { kind: 'address', name: 'Alice', version: 3, value: `0x${'a1'.repeat(20)}` },
  { kind: 'address', name: 'carol', version: 1, value: 'bc1qar0srrr7xfkvy5l643lydnw9re59gtzzwf' },
  { kind: 'asset', name: 'ETH', version: 1, value: { code: 'ETH', decimals: 18 } },
  { kind: 'asset', name: 'USDC', version: 2, value: { code: 'USDC', decimals: 6 } },
  { kind: 'asset', name: 'EURC', version: 1, value: { code: 'USDC', decimals: 6 } },
] as const
const named = (kind: string, name: string) => (row: { kind: string; name: string }) =>
  row.kind === kind && row.name.toLowerCase() === name.toLowerCase()

const log = openLog({ name: 'test', level: 'silent' })

const contextOf = (payload: TaskPayload, over: Partial<ExecutorContext> = {}): ExecutorContext => ({
  task: sampleTask({ kind: payload.kind, payload }),
  payload,
  readTool: () => Promise.reject(new Error('there is no such tool here')),
  searchRecord: () => Promise.reject(new Error('there is no record here')),
  findRegistryEntry: (kind, name) => Promise.resolve(ADDRESS_BOOK.find(named(kind, name))),
  recall: () => Promise.resolve([]),
  findPersona: () => Promise.reject(new Error('no model speaks here')),
  log,
  signal: new AbortController().signal,
  ...over,
})

/** Plans a goal by the rules and runs its only task. */
async function run(
  goal: unknown,
  trust: Trust = 'owner',
  over: Partial<ExecutorContext> = {},
): Promise<TaskResult> {
  const parsed = Goal.parse(goal)
  const { tasks } = planByRules({
    tenant: DEFAULT_TENANT,
    goalId: 'g1',
    receivedMs: 1,
    goal: parsed,
  })
  const [task] = tasks
  const executor = EXECUTORS.get(task?.kind ?? '')
  if (task === undefined || executor === undefined) throw new Error('There is nothing to run.')
  const context = contextOf(task.payload, over)
  const result = await executor.execute({ ...context, task: { ...context.task, trust } })
  return TaskResult.parse(result)
}

describe('proposals', () => {
  test.for<{ goal: unknown; tool: string; args: unknown; label?: string }>([
    {
      goal: { text: 'publish a tweet: hello world' },
      tool: 'post_tweet',
      args: { text: 'hello world', media_ids: [], is_ai_labeled: true },
    },
    {
      goal: { kind: 'tweet.post', params: { text: 'in params', is_ai_labeled: false } },
      tool: 'post_tweet',
      args: { text: 'in params', media_ids: [], is_ai_labeled: false },
    },
    {
      goal: { text: 'reply to 1234567890: thank you' },
      tool: 'reply_tweet',
      args: { in_reply_to: '1234567890', text: 'thank you', is_ai_labeled: true },
    },
    {
      goal: { text: `pay 0.5 ETH to 0x${'Cd'.repeat(20)}` },
      tool: 'transfer_native',
      args: { to: `0x${'Cd'.repeat(20)}`, amount: '500000000000000000' },
      label: 'derived',
    },
    {
      goal: { text: 'pay 5 USDC to alice' },
      tool: 'transfer_erc20',
      args: { asset: 'USDC', to: `0x${'a1'.repeat(20)}`, amount: '5000000' },
      label: 'derived',
    },
    {
      goal: { kind: 'wallet.transfer', params: { amount: '0.000001', asset: 'USDC', to: 'ALICE' } },
      tool: 'transfer_erc20',
      args: { asset: 'USDC', to: `0x${'a1'.repeat(20)}`, amount: '1' },
      label: 'derived',
    },
  ])('$tool is proposed with every argument where its pointer says', async (given) => {
    const { confidence, proposed_effects: effects } = await run(given.goal)
    expect(confidence).toBe(1)
    expect(effects.map(({ tool, args }) => ({ tool, args }))).toEqual([
      { tool: given.tool, args: given.args },
    ])
    const sources = { goal: Goal.parse(given.goal), trust: 'owner' } as const
    const checks = effects.map((effect) =>
      checkProvenance(effect, { ...sources, registry: openRegistry(ADDRESS_BOOK) }),
    )
    expect(checks).toMatchObject([{ label: given.label ?? 'owner', mismatches: [] }])
  })

  test.for([
    ['pay 5 USDC to bob', 'REGISTRY_ENTRY_NOT_FOUND', 'no address of the name bob'],
    ['pay 5 DOGE to alice', 'REGISTRY_ENTRY_NOT_FOUND', "registry add asset 'DOGE' <value>."],
    ['pay 5 EURC to alice', 'INPUT_INVALID', 'does not say what EURC is counted in'],
    ['pay 0.0000001 USDC to alice', 'INPUT_INVALID', 'USDC has 6 decimals'],
    ['pay 5 USDC to carol', 'INPUT_INVALID', 'no address that a wallet of ours pays to'],
  ])('%s is refused with a code, and nothing is proposed', async ([text, code, reason]) => {
    const refusal = await run({ text }).catch((error: unknown) => error)
    expect(refusal).toMatchObject({ code, message: expect.stringContaining(reason ?? '') })
  })

  test('a new installation is told how it learns what a known asset is', async () => {
    const findRegistryEntry = () => Promise.resolve(undefined)
    const paid = run({ text: 'pay 5 USDC to alice' }, 'owner', { findRegistryEntry })
    await expect(paid).rejects.toMatchObject({
      code: 'REGISTRY_ENTRY_NOT_FOUND',
      message: expect.stringContaining('chimera registry known --add.'),
    })
  })

  test('words of a stranger are proposed without certainty', async () => {
    const { confidence } = await run({ text: 'publish a tweet: hello' }, 'untrusted')
    expect(confidence).toBe(0.8)
  })

  test('what came out of a model is proposed without certainty', async () => {
    const executor = EXECUTORS.get('tweet.post')
    const payload: TaskPayload = {
      kind: 'tweet.post',
      slot: 'publish',
      text: 'written by a model',
      media_ids: [],
      is_ai_labeled: true,
      origin: { '/text': { source: 'model', call_id: 'c1' } },
    }
    expect(await executor?.execute(contextOf(payload))).toMatchObject({ confidence: 0.8 })
  })
})

describe('work without effects', () => {
  test('generic work gives its own words back', async () => {
    const result = await run({ text: 'generic: water the plants' })
    expect(result).toMatchObject({ confidence: 1, artifacts: [{ content: 'water the plants' }] })
    expect(result.proposed_effects).toEqual([])
  })

  test('research quotes what the record holds, and says when that is nothing', async () => {
    const payload: TaskPayload = { kind: 'research.question', question: 'what of cats?' }
    const executor = EXECUTORS.get('research.question')
    const finding = { source: 'goal', id: 'g7', excerpt: 'cats are fine', rank: 0.1 } as const
    const found = await executor?.execute(
      contextOf(payload, {
        searchRecord: () =>
          Promise.resolve({ terms: ['cat'], goals: 3, results: 2, findings: [finding] }),
      }),
    )
    expect(found).toMatchObject({
      artifacts: [{ content: { summary: 'One place in the record.', findings: [finding] } }],
      evidence: [
        { detail: 'Searched 3 goals and 2 results of this tenant for: cat' },
        { source: 'goal g7', detail: 'cats are fine' },
      ],
    })
    const nothing = await executor?.execute(
      contextOf(payload, {
        searchRecord: () => Promise.resolve({ terms: ['cat'], goals: 3, results: 2, findings: [] }),
      }),
    )
    expect(nothing).toMatchObject({
      artifacts: [{ content: { summary: 'Nothing in the record speaks of this.', findings: [] } }],
    })
  })
})

describe('the registry', () => {
  test('refuses two executors of one kind and a time-out that nobody may have', () => {
    expect(() => registerExecutors([generic, generic])).toThrow('one kind')
    const execute = () => ({ confidence: 1, artifacts: [], evidence: [], proposed_effects: [] })
    expect(() => defineExecutor({ kind: 'noop', timeoutMs: 300_001, execute })).toThrow('longer')
  })

  test('an executor refuses the payload of another kind', () => {
    const context = contextOf({ kind: 'noop', index: 0 })
    expect(() => generic.execute(context)).toThrow(TerminalError)
  })
})

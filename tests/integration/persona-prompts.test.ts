/** Who a model is told to be: the persona that is pinned, in every prompt of Planner and Worker. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { DEFAULT_TENANT } from '@chimera/contracts/ids'
import { DEFAULT_PERSONA, personaInUse } from '@chimera/domain/persona/default-persona'
import { HONESTY_DIRECTIVE } from '@chimera/domain/persona/honesty'
import { insertGoals } from '@chimera/infra/database/goals/insert-goals'
import { leaseGoals } from '@chimera/infra/database/goals/lease-goals'
import { pinPersona } from '@chimera/infra/database/personas/pin-persona'
import type { ClaimedTask } from '@chimera/infra/database/tasks/claim-tasks'
import { putMember } from '@chimera/infra/database/tenancy/members'
import type { Model } from '@chimera/infra/llm/model'
import { openModel } from '@chimera/infra/llm/open-model'
import { parseSoul } from '@chimera/infra/personas/parse-soul'
import { planGoals } from '@chimera/planner/plan-goals'
import { openLog } from '@chimera/runtime/log'
import { agentExecutors } from '@chimera/worker/agents/agent-executors'
import { findPersona } from '@chimera/worker/agents/find-persona'
import type { FindPersona } from '@chimera/worker/executors/executor'
import { sampleTask } from '@chimera/worker/tasks/sample-task'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { z } from 'zod'

import { control, guarantee } from '../guarantee.ts'
import { type ModelProcess, startModel } from '../models/model-process.ts'
import { uncounted } from '../models/uncounted.ts'
import { audited, openPlannerRig, type PlannerRig } from './planner-rig.ts'

let folder: string
let rig: PlannerRig
let server: ModelProcess
let model: Model | undefined
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'persona-prompts-'))
  rig = await openPlannerRig()
  server = await startModel({ mind: 'obedient', recordPath: join(folder, 'calls.jsonl') })
  const settings = { LLM_MODEL: 'obedient', LLM_TIMEOUT_MS: 10_000 }
  model = openModel({ LLM_BASE_URL: server.url, ...settings }, uncounted)
  for (const name of ['bard', 'clerk']) {
    const front = `---\nname: The ${name}\nid: ${name}\nvoice_traits: [dry]\n---\n`
    await pinPersona(rig.database, {
      tenantId: DEFAULT_TENANT,
      name: `${name}.md`,
      ...parseSoul(`${front}Born as a ${name}.\n`),
      actor: 'test',
    })
  }
  await audited(rig.database, async (tx, audit) => {
    const key = { kind: 'agent', tenantId: DEFAULT_TENANT, id: 'bardess' } as const
    await putMember(tx, { ...key, fields: { soul_ref: 'bard.md' } }, audit)
  })
})
afterAll(async () => {
  await server[Symbol.asyncDispose]()
  await rig[Symbol.asyncDispose]()
  rmSync(folder, { recursive: true })
})

const Body = z.object({ messages: z.array(z.object({ role: z.string(), content: z.string() })) })

/** What the model was told in its last call: by the house, and as quoted material. */
function lastPrompt(): { system: string; user: string } {
  const { messages } = Body.parse(server.calls().at(-1)?.body)
  const said = (role: string) => messages.find((one) => one.role === role)?.content ?? ''
  return { system: said('system'), user: said('user') }
}

const nothing = () => Promise.reject(new Error('nothing is read here'))

/** A Worker's model writes for a task. */
async function write(over: Partial<ClaimedTask>, find?: FindPersona): Promise<void> {
  const task = sampleTask({ type: 'CONTENT_GEN', kind: 'agent.write', goalId: 'g', ...over })
  const executor = agentExecutors({ model, reads: [] }).find(({ kind }) => kind === 'agent.write')
  await executor?.execute({
    task,
    payload: {
      kind: 'agent.write',
      slot: 'publish',
      instruction: 'Write about the launch',
      origin: { '/instruction': { source: 'goal', path: '/text' } },
    },
    readTool: nothing,
    searchRecord: nothing,
    findRegistryEntry: nothing,
    recall: async () => [],
    findPersona: find ?? (() => findPersona(rig.database, task)),
    log: openLog({ name: 'test', level: 'silent' }),
    signal: AbortSignal.timeout(10_000),
  })
}

async function expectVoices(find?: FindPersona): Promise<void> {
  const scenes = [
    { over: {}, who: `You are ${DEFAULT_PERSONA.front.name}.` },
    { over: { agentId: 'bardess' }, who: 'You are The bard.\nBorn as a bard.' },
    {
      over: { agentId: 'bardess', constraints: { voice_ref: 'clerk.md' } },
      who: 'You are The clerk.\nBorn as a clerk.\nVoice:\n- dry',
    },
    { over: { constraints: { voice_ref: 'nobody.md' } }, who: 'You are Chimera.' },
  ]
  for (const { over, who } of scenes) {
    await write(over, find)
    const { system } = lastPrompt()
    expect(system.slice(0, who.length)).toBe(who)
    expect(system).toContain(HONESTY_DIRECTIVE)
  }
}

guarantee(
  { id: 'persona-speaks', title: 'a model is told who it is, and to be honest', n: 4, seed: 1 },
  () => expectVoices(),
)

control({ guard: 'the persona that is pinned', test: 'persona-speaks', expect: /The bard/ }, () =>
  expectVoices(async () => personaInUse({ name: 'SOUL.md', pinned: undefined })),
)

test('a model hears why its last attempt was rejected, as quoted material', async () => {
  await write({ feedback: 'The post has 300 characters; 280 may be.' })
  const { system, user } = lastPrompt()
  expect(user).toContain('Why the last attempt was rejected')
  expect(user).toContain('The post has 300 characters')
  expect(system).not.toContain('300 characters')
  await write({})
  expect(lastPrompt().user).not.toContain('rejected')
})

test('a plan is asked for on behalf of the persona', async () => {
  const goal = { id: 'g-1', text: 'Write a tweet about the launch', agent_id: 'bardess' } as const
  const one = { tenantId: DEFAULT_TENANT, id: 'g-1', source: 'cli', trust: 'owner' } as const
  const asked = { ...one, goal: { ...goal, mode: 'paper' } } as const
  await audited(rig.database, (tx, audit) => insertGoals(tx, [asked], audit))
  const keys = [{ tenantId: DEFAULT_TENANT, id: 'g-1' }]
  const leased = await leaseGoals(rig.database, { keys, owner: 'planner-1', leaseMs: 5_000 })
  await planGoals({ ...rig.deps, model }, leased)
  const { system } = lastPrompt()
  expect(system).toMatch(/^You are The bard\./)
  expect(system).toContain(HONESTY_DIRECTIVE)
  expect(system).toContain('You split the goal of an owner into tasks')
})

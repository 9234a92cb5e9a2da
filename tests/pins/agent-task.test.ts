import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

import { AgentTask } from '@chimera/contracts/agent-task'
import { Ajv } from 'ajv'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { z } from 'zod'

import { control, guarantee, sampleSize } from '../guarantee.ts'
import { CHECKOUT } from '../source-tree.ts'

/** Source 002 section 2.1, word for word: others write and read tasks by it. */
const SOURCE_002 = {
  $schema: 'http://json-schema.org/draft-07/schema#',
  title: 'AgentTask',
  type: 'object',
  properties: {
    task_id: { type: 'string', format: 'uuid' },
    parent_goal_id: { type: 'string' },
    type: { enum: ['RESEARCH', 'CONTENT_GEN', 'TRANSACTION', 'ENGAGEMENT'] },
    payload: { type: 'object' },
    constraints: {
      type: 'object',
      properties: {
        max_cost_usd: { type: 'number' },
        voice_ref: { type: 'string', default: 'SOUL.md' },
      },
    },
    status: { enum: ['PENDING', 'IN_PROGRESS', 'REVIEW', 'COMPLETED', 'FAILED'] },
    confidence_score: { type: 'number', minimum: 0, maximum: 1 },
  },
  required: ['task_id', 'type', 'payload', 'status'],
}

/** The folder of the sources lies beside a checkout on the machines where they were handed over. */
const SOURCE_FILE = join(CHECKOUT, '..', 'shared', 'sources', '002_d726db6c1d88b02a.txt')

const readJson = (path: string): unknown => JSON.parse(readFileSync(path, 'utf8'))

test('the exported JSON Schema of a task is that of source 002', () => {
  expect(readJson(join(CHECKOUT, 'contracts', 'schemas', 'agent-task.json'))).toEqual(SOURCE_002)
})

test('source 002 says what is written here', ({ skip }) => {
  if (!existsSync(SOURCE_FILE)) skip('the sources are not beside this checkout')
  const [, schema = ''] =
    /```json\n(\{\n {2}"\$schema".*?\n\})\n```/s.exec(readFileSync(SOURCE_FILE, 'utf8')) ?? []
  expect(JSON.parse(schema)).toEqual(SOURCE_002)
})

const uuid = fc.uuid({ version: [4, 7] })
/** Mostly right, now and then wrong in one way. */
const mostly = <T>(right: fc.Arbitrary<T>, ...wrong: unknown[]) =>
  fc.oneof({ weight: 8, arbitrary: right }, { weight: 1, arbitrary: fc.constantFrom(...wrong) })

const anyTask = fc.record(
  {
    task_id: mostly(uuid, 'task-1', 7, null),
    parent_goal_id: mostly(fc.string(), 7, null),
    type: mostly(fc.constantFrom(...SOURCE_002.properties.type.enum), 'CONTENT', 'research', null),
    payload: mostly(fc.dictionary(fc.string(), fc.jsonValue()), [], 'text', null),
    constraints: mostly(
      fc.record(
        { max_cost_usd: mostly(fc.integer(), '5', null), voice_ref: mostly(fc.string(), 5, null) },
        { requiredKeys: [] },
      ),
      [],
      'none',
      null,
    ),
    status: mostly(fc.constantFrom(...SOURCE_002.properties.status.enum), 'DONE', '', null),
    confidence_score: mostly(fc.double({ min: 0, max: 1, noNaN: true }), -0.01, 1.01, '1', null),
    extra: fc.jsonValue(),
  },
  { requiredKeys: [] },
)

function expectAgreement(schema: z.ZodType, { n, seed }: { n: number; seed: number }): void {
  const formats = { uuid: (text: string) => z.uuid().safeParse(text).success }
  const validate = new Ajv({ formats }).compile(SOURCE_002)
  fc.assert(
    fc.property(anyTask, (task) => {
      const json: unknown = JSON.parse(JSON.stringify(task))
      expect(schema.safeParse(json).success).toBe(validate(json))
    }),
    { numRuns: n, seed },
  )
}

const n = sampleSize({ ci: 2_000, full: 200_000 })

guarantee(
  {
    id: 'agent-task-schema',
    title: 'the schema in code takes what source 002 takes',
    n,
    seed: 2,
    timeoutMs: 30_000 + n * 5,
  },
  (given) => {
    expectAgreement(AgentTask, given)
  },
)

control(
  { guard: 'the upper bound of confidence', test: 'agent-task-schema', expect: /Property failed/ },
  () => {
    const unbounded = AgentTask.extend({ confidence_score: z.number().min(0).optional() })
    expectAgreement(unbounded, { n: 2_000, seed: 2 })
  },
)

/**
 * The schemas of what anyone can observe (design section 10) and of the words that pass between
 * processes, as JSON Schema files in contracts/schemas. `vitest run --project unit tests/pins -u`
 * writes them from the schemas in code; the review of the files decides.
 */
import { readFileSync } from 'node:fs'
import { basename, join } from 'node:path'

import { Goal } from '@chimera/contracts/goal'
import { GrantClaims, HelloClaims, ReceiptClaims, VoidClaims } from '@chimera/contracts/grant'
import { Verdict } from '@chimera/contracts/judging/verdict'
import { Cascade } from '@chimera/contracts/models/cascade'
import { RouterTest, RouterView } from '@chimera/contracts/models/router-view'
import {
  CrashLine,
  EffectView,
  GoalPosted,
  GoalSummary,
  GoalView,
  SimulatedControl,
  SimulatedRequest,
  StatusReport,
  KillReport,
  KillView,
  StopReport,
  TaskView,
} from '@chimera/contracts/observable'
import { PolicyDocument } from '@chimera/contracts/policy/policy-document'
import { PolicyDecision, PolicyRequest } from '@chimera/contracts/policy/policy-request'
import { TaskPayload } from '@chimera/contracts/task-payload'
import { TaskResult } from '@chimera/contracts/task-result'
import { LedgerLine, ToolStatus } from '@chimera/contracts/tool-control'
import { AuditEntry } from '@chimera/contracts/trail/audit'
import { FeedEvent } from '@chimera/contracts/trail/feed'
import { expect, test } from 'vitest'
import { z } from 'zod'

import { CHECKOUT, listFiles } from '../source-tree.ts'

const SCHEMAS: Readonly<Record<string, z.ZodType>> = {
  'audit-entry': AuditEntry,
  'model-cascade': Cascade,
  'router-test': RouterTest,
  'router-view': RouterView,
  'crash-line': CrashLine,
  'effect-view': EffectView,
  'feed-event': FeedEvent,
  goal: Goal,
  'goal-posted': GoalPosted,
  'goal-summary': GoalSummary,
  'goal-view': GoalView,
  'grant-claims': GrantClaims,
  'hello-claims': HelloClaims,
  'ledger-line': LedgerLine,
  'policy-decision': PolicyDecision,
  'policy-document': PolicyDocument,
  'policy-request': PolicyRequest,
  'receipt-claims': ReceiptClaims,
  'simulated-control': SimulatedControl,
  'simulated-request': SimulatedRequest,
  'status-report': StatusReport,
  'stop-report': StopReport,
  'kill-report': KillReport,
  'kill-view': KillView,
  'task-payload': TaskPayload,
  'task-result': TaskResult,
  'task-view': TaskView,
  'tool-status': ToolStatus,
  verdict: Verdict,
  'void-claims': VoidClaims,
}

/** Pinned word for word by agent-task.test.ts. */
const ELSEWHERE = 'agent-task'

test.each(Object.entries(SCHEMAS))('%s', async (name, schema) => {
  await expect(render(schema)).toMatchFileSnapshot(fileOf(name))
})

test('no schema file is left over', () => {
  const files = listFiles('contracts/schemas/*.json').map((path) => basename(path, '.json'))
  expect(files.toSorted()).toEqual([ELSEWHERE, ...Object.keys(SCHEMAS)].toSorted())
})

test('a field more is another file', () => {
  const changed = render(GoalPosted.extend({ note: z.string() }))
  expect(changed).not.toBe(readFileSync(fileOf('goal-posted'), 'utf8'))
  expect(render(GoalPosted)).toBe(readFileSync(fileOf('goal-posted'), 'utf8'))
})

/** What a writer may send: a field with a default may be missing. */
function render(schema: z.ZodType): string {
  const json = z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' })
  return `${JSON.stringify(json, null, 2)}\n`
}

function fileOf(name: string): string {
  return join(CHECKOUT, 'contracts', 'schemas', `${name}.json`)
}

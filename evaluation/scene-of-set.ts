import { InvariantError } from '@chimera/contracts/errors'
import { DEFAULT_TENANT } from '@chimera/contracts/ids'
import type { Opinion } from '@chimera/contracts/judging/opinion'
import { DEFAULT_PERSONA_NAME } from '@chimera/contracts/judging/persona'
import type { TaskResult } from '@chimera/contracts/task-result'
import { TOOLS } from '@chimera/contracts/tools'
import { APPROVAL_CHECKS } from '@chimera/domain/judging/approvals/approval-checks'
import type { Account, Attempt, EffectScene } from '@chimera/domain/judging/attempt'
import { ALL_GATES } from '@chimera/domain/judging/gates/gates'
import { judgeAttempt } from '@chimera/domain/judging/judge-attempt'
import {
  isPlannedByModel,
  isPublicByModel,
  isWorthAsking,
} from '@chimera/domain/judging/opinions/opinion-ahead'
import { openRegistry } from '@chimera/domain/judging/registry'
import { DEFAULT_PERSONA, type PersonaInUse } from '@chimera/domain/persona/default-persona'
import { type CompiledPolicy, compilePolicy } from '@chimera/domain/policy/compile-policy'
import { DEFAULT_POLICY } from '@chimera/infra/policies/default-policy'
import { readPolicy } from '@chimera/infra/policies/read-policy'
import type { OpinionQuestion } from '@chimera/judge/opinions/ask-opinion'

import { RECEIVED_MS } from './evaluate-plan.ts'
import type { Answer, Row } from './goal-set.ts'

/** Who speaks in the set: nobody has pinned anything. */
export const PERSONA: PersonaInUse = {
  ...DEFAULT_PERSONA,
  name: DEFAULT_PERSONA_NAME,
  version: null,
}

/** What of the world a judgement rests on. */
export type Judged = Readonly<{
  id: string
  content: unknown
  trust: 'owner' | 'untrusted'
  mode: 'dry' | 'paper' | 'live'
  killLevel: number
  slots: ReadonlyMap<string, string>
  registry: readonly Row[]
  isRepeat: boolean
  result: TaskResult
  /** What a model says of it; nobody was asked when there is none. */
  opinion?: Opinion | undefined
}>

const ANSWERS = {
  approve: 'allow',
  deny: 'deny',
  escalate: 'person',
  reject: 'again',
  wait: 'wait',
} as const satisfies Record<string, Answer>

/** What a Judge says, and what it would ask a model about before it says so. */
export type Judgement = Readonly<{
  answer: Answer
  codes: readonly string[]
  /** Undefined where the rules need nobody's opinion. */
  question: OpinionQuestion | undefined
}>

/**
 * What the Judge says of a result, by all gates, under the policy that ships, with every tool
 * served by an open account and nobody asked before.
 */
export function judge(of: Judged): Judgement {
  const attempt = attemptOf(of)
  const decision = judgeAttempt(attempt, sceneOf(of))
  const { verdict } = decision.move
  if (verdict === null) throw new InvariantError(`Nothing was judged in ${of.id}.`)
  const codes = verdict.votes.flatMap(({ code }) => (code === undefined ? [] : [code]))
  const isForModel = isPublicByModel(attempt) || isPlannedByModel(attempt)
  const question = isForModel && isWorthAsking(decision) ? { attempt, persona: PERSONA } : undefined
  return { answer: ANSWERS[verdict.verdict], codes, question }
}

function attemptOf({ id, content, trust, mode, result }: Judged): Attempt {
  return {
    taskId: id,
    tenantId: DEFAULT_TENANT,
    goalId: id,
    versionId: id,
    phase: 'judging',
    attempt: 1,
    rejections: 0,
    maxAttempts: 3,
    waitedMs: 0,
    outcome: { outcome: 'result', result },
    goal: {
      status: 'ACTIVE',
      mode,
      trust,
      agentId: 'default',
      campaignId: null,
      content,
      pausedBy: null,
      isCampaignCompleted: false,
    },
  }
}

function sceneOf(of: Judged): EffectScene {
  const { mode, killLevel, slots, registry, isRepeat, opinion } = of
  const compiled = policyInForce()
  return {
    slots,
    rounds: new Map(),
    accounts: new Map(Object.keys(TOOLS).map((tool) => [tool, accountOf(tool, mode)])),
    isStopped: () => false,
    killLevel,
    waitsFor: () => undefined,
    registry: openRegistry(registry.map((row) => ({ ...row, value: row.value ?? null }))),
    policy: {
      compiled,
      nowMs: RECEIVED_MS,
      windowValue: () => 0n,
      priceOf: () => undefined,
    },
    approvals: [],
    approvalChecks: APPROVAL_CHECKS,
    gates: ALL_GATES,
    policyVersion: compiled.name,
    persona: PERSONA,
    isRepeat: () => isRepeat,
    opinion: opinion && { model: 'evaluation', opinion },
  }
}

let inForce: CompiledPolicy | undefined

/** The policy that ships, compiled once. */
function policyInForce(): CompiledPolicy {
  if (inForce !== undefined) return inForce
  const compiled = compilePolicy(readPolicy(DEFAULT_POLICY), 0)
  if ('faults' in compiled) throw new InvariantError('The policy that ships does not compile.')
  inForce = compiled
  return compiled
}

const accountOf = (tool: string, mode: Judged['mode']): Account => ({
  account: 'evaluation',
  live: mode === 'live',
  state: 'open',
  reason: null,
  boot: 'evaluation',
  ledgerId: 'evaluation',
  definitions: { [tool]: '0'.repeat(64) },
  cooldown: null,
})

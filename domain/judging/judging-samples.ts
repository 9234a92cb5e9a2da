import { canonicalHash } from '@chimera/contracts/canonical'
import type { ProposedEffect } from '@chimera/contracts/effect'
import type { ReceiptClaims } from '@chimera/contracts/grant'

import { DEFAULT_PERSONA } from '../persona/default-persona.ts'
import { SAMPLE_POLICY } from '../policy/policy-samples.ts'
import { APPROVAL_CHECKS } from './approvals/approval-checks.ts'
import type { Account, Attempt, EffectScene } from './attempt.ts'
import { ALL_GATES } from './gates/gates.ts'
import { openRegistry } from './registry.ts'
import type { SettlingEffect } from './settle-receipt.ts'

/** Well-formed inputs that the tests of this folder vary. */

export const TEXT = 'publish a tweet: hello world'

export const proposal = (over: Partial<ProposedEffect> = {}): ProposedEffect => ({
  slot: 'publish',
  tool: 'post_tweet',
  args: { text: 'hello world', media_ids: [], is_ai_labeled: true },
  provenance: {
    '/text': { source: 'goal', path: '/text', span: [17, 28] },
    '/media_ids': { source: 'default', rule: 'no-media' },
    '/is_ai_labeled': { source: 'default', rule: 'ai-labeled' },
  },
  ...over,
})

export const attempt = (over: {
  effects?: ProposedEffect[]
  confidence?: number
  goal?: Partial<Attempt['goal']>
  rejections?: number
  waitedMs?: number
}): Attempt => ({
  taskId: '018f0000-0000-7000-8000-000000000001',
  tenantId: '00000000-0000-7000-8000-000000000001',
  goalId: 'g1',
  versionId: '018f0000-0000-7000-8000-000000000002',
  phase: 'judging',
  attempt: 1,
  rejections: over.rejections ?? 0,
  maxAttempts: 3,
  waitedMs: over.waitedMs ?? 0,
  outcome: {
    outcome: 'result',
    result: {
      confidence: over.confidence ?? 1,
      artifacts: [],
      evidence: [],
      proposed_effects: over.effects ?? [],
    },
  },
  goal: {
    status: 'ACTIVE',
    mode: 'paper',
    trust: 'owner',
    agentId: 'default',
    campaignId: null,
    content: { text: TEXT },
    pausedBy: null,
    isCampaignCompleted: false,
    ...over.goal,
  },
})

export const account = (over: Partial<Account> = {}): Account => ({
  account: 'x:default',
  live: false,
  state: 'open',
  reason: null,
  boot: '018f0000-0000-7000-8000-00000000000b',
  ledgerId: '018f0000-0000-7000-8000-00000000000c',
  definitions: { post_tweet: 'a'.repeat(64) },
  cooldown: null,
  ...over,
})

export const scene = (over: Partial<EffectScene> = {}): EffectScene => ({
  slots: new Map([['publish', 'post_tweet']]),
  rounds: new Map(),
  accounts: new Map([['post_tweet', account()]]),
  isStopped: () => false,
  killLevel: 0,
  waitsFor: () => undefined,
  registry: openRegistry([]),
  policy: {
    compiled: SAMPLE_POLICY,
    nowMs: Date.parse('2026-11-21T12:00:00Z'),
    windowValue: () => undefined,
    priceOf: () => undefined,
  },
  approvals: [],
  approvalChecks: APPROVAL_CHECKS,
  gates: ALL_GATES,
  policyVersion: 'rules@1',
  persona: { ...DEFAULT_PERSONA, name: 'SOUL.md', version: null },
  isRepeat: () => false,
  ...over,
})

export const effect = (over: Partial<SettlingEffect> = {}): SettlingEffect => ({
  effectId: '018f0000-0000-7000-8000-0000000000e1',
  versionId: '018f0000-0000-7000-8000-0000000000e2',
  slot: 'publish',
  state: 'GRANTED',
  effectKey: 'b'.repeat(64),
  round: 1,
  grantId: '018f0000-0000-7000-8000-0000000000e3',
  argsHash: canonicalHash({ text: 'hello world' }),
  account: 'x:default',
  costUsdMicros: 15_000n,
  cancelling: false,
  voidReason: null,
  goalStatus: 'ACTIVE',
  task: {
    taskId: '018f0000-0000-7000-8000-000000000001',
    tenantId: '00000000-0000-7000-8000-000000000001',
    goalId: 'g1',
    versionId: '018f0000-0000-7000-8000-000000000002',
    phase: 'granted',
    attempt: 1,
  },
  otherSlotsOpen: 0,
  ...over,
})

export const receipt = (over: Partial<ReceiptClaims> = {}): ReceiptClaims => ({
  iss: 'x:default',
  iat: 1_800_000_000,
  ledger_id: '018f0000-0000-7000-8000-00000000000c',
  boot: '018f0000-0000-7000-8000-00000000000b',
  seq: 7,
  grant_id: '018f0000-0000-7000-8000-0000000000e3',
  effect_key: 'b'.repeat(64),
  round: 1,
  args_hash: canonicalHash({ text: 'hello world' }),
  tool: 'post_tweet',
  mode: 'paper',
  state: 'CONFIRMED',
  provider_ref: '1001',
  cost_usd_micros: '15000',
  simulated: true,
  ...over,
})

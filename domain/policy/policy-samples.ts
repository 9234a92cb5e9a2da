import { PolicyDocument } from '@chimera/contracts/policy/policy-document'
import type { PolicyRequest } from '@chimera/contracts/policy/policy-request'

import { type CompiledPolicy, compilePolicy } from './compile-policy.ts'

/** Well-formed policies and requests that tests vary. */

/** A compiled policy of the given rules. Throws for what is none. */
export function policyOf(rules: readonly unknown[], over: object = {}): CompiledPolicy {
  const document = PolicyDocument.parse({ policy: 1, name: 'sample', rules, ...over })
  const compiled = compilePolicy(document, 1)
  if ('faults' in compiled) throw new Error(JSON.stringify(compiled.faults))
  return compiled
}

/** Lets simulated posts through, and asks for a person where strangers speak and money moves. */
export const SAMPLE_POLICY = policyOf([
  {
    id: 'posts',
    effect: 'allow',
    why: 'Posts are fine.',
    when: { action: ['tweet.post', 'tweet.reply'] },
  },
  { id: 'strangers', effect: 'require_approval', why: 'Strangers.', when: { label: 'untrusted' } },
  {
    id: 'money',
    effect: 'require_approval',
    why: 'Money.',
    when: { action: ['transfer', 'transfer.unstick', 'order', 'order.cancel', 'order.close'] },
  },
])

/** A payment of one USDC. */
export const payment = (over: Partial<PolicyRequest> = {}): PolicyRequest => ({
  tenant: '00000000-0000-7000-8000-000000000001',
  agent: 'default',
  goal: 'g1',
  account: 'wallet-simulated',
  tool: 'transfer_erc20',
  args: { asset: 'USDC', amount: '1000000' },
  amount: { asset: 'USDC', base: '1000000' },
  usd: { value: '1.00', price_at: '2026-11-21T11:59:00Z' },
  recipient: '0x00000000000000000000000000000000000A11cE',
  network: 'simulated',
  mode: 'paper',
  label: 'owner',
  time: '2026-11-21T12:00:00Z',
  ...over,
})

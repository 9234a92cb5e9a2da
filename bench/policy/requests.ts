import type { PolicyRequest } from '@chimera/contracts/policy/policy-request'

/** A simulated tweet in the owner's words. */
export const tweet = (n: number): PolicyRequest => ({
  tenant: '00000000-0000-7000-8000-000000000001',
  agent: 'default',
  goal: `g-${n}`,
  account: 'x:default',
  tool: 'post_tweet',
  args: { text: `tweet number ${n}`, media_ids: [], is_ai_labeled: true },
  mode: 'paper',
  label: 'owner',
  time: '2026-11-21T12:00:00.000Z',
})
/** A live payment with a price and a window. */
export const payment = (n: number): PolicyRequest => ({
  ...tweet(n),
  account: 'wallet-simulated',
  tool: 'transfer_erc20',
  args: { asset: 'USDC', amount: String(n + 1), to: '0x00000000000000000000000000000000000A11CE' },
  amount: { asset: 'USDC', base: String(n + 1) },
  usd: { value: '1.000000', price_at: '2026-11-21T11:59:00.000Z' },
  recipient: '0x00000000000000000000000000000000000A11CE',
  network: 'simulated',
  mode: 'live',
  windows: { 'sum-usd/tenant/86400s/order+transfer': '1000000' },
})

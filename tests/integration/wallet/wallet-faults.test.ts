import { setTimeout as sleep } from 'node:timers/promises'

import { RULES, type Rules } from '@chimera/mcp-kit/protocol/rules'
import { describe, expect } from 'vitest'

import { control, guarantee } from '../../guarantee.ts'
import { needsAnvil } from './evm-rig.ts'
import { ALICE, USDC } from './wallet-limits.ts'
import { WalletRig, type WalletWish } from './wallet-rig.ts'

needsAnvil()

/** Those that lose an answer, those that refuse, and one that lies. */
const FAULTS = ['hang', 'cut', '5xx_after', '5xx', '429', '403_duplicate', 'reset_before'] as const
const TOOLS = ['transfer_native', 'transfer_erc20'] as const
const IMPATIENT = { WALLET_FOLLOW_MS: '2000', WALLET_SEND_TIMEOUT_MS: '300' }
const CLOSED = ['VOID', 'REFUSED', 'NOT_SENT', 'NOT_HAPPENED']
const AMOUNT = 3n * USDC

const argsOf = (tool: (typeof TOOLS)[number]): Record<string, unknown> => ({
  ...(tool === 'transfer_erc20' ? { asset: 'USDC' } : {}),
  to: ALICE,
  amount: String(AMOUNT),
})

/**
 * Every fault with every tool, each as the record would go through with it: asked until its end is
 * known, granted again when that was nothing. Then each was paid once.
 */
async function payThroughFaults(wish: WalletWish = {}): Promise<void> {
  await using rig = await new WalletRig({ ...wish, env: IMPATIENT }).open()
  for (const tool of TOOLS) {
    for (const fault of FAULTS) {
      await rig.evm.tell({ fault })
      await payOnce(rig, tool)
      await rig.evm.tell({ fault: 'none' })
    }
  }
  const paid = BigInt(FAULTS.length) * AMOUNT
  expect(await rig.evm.balanceOf(ALICE), 'wei that were paid').toBe(paid)
  expect(await rig.evm.tokensOf(ALICE), 'tokens that were paid').toBe(paid)
  expect(await rig.evm.nonceOf(rig.address)).toBe(FAULTS.length * TOOLS.length)
}

async function payOnce(rig: WalletRig, tool: (typeof TOOLS)[number]): Promise<void> {
  const args = argsOf(tool)
  const first = rig.claims({ tool, args, slot: 'pay:1' })
  for (let round = 1; ; round += 1) {
    const closed = Array.from({ length: round - 1 }, (_none, at) => at + 1)
    const again = rig.claims({ tool, args, slot: 'pay:1', goal: first.goal })
    const grant = round === 1 ? first : { ...again, round, closed_rounds: closed }
    const { receipt, status, code } = await rig.pay(tool, args, grant)
    const state = status === 'UNKNOWN' ? await endOf(rig, grant.jti) : receipt?.state
    if (state === 'CONFIRMED') return
    expect(CLOSED, `round ${round} of ${tool}`).toContain(state)
    if (round > 3) throw new Error(`${tool} does not come to an end: ${state}`)
    await rig.evm.tell({ fault: 'none' })
    // A node that limits the rate is left alone for as long as it has said.
    if (code === 'UPSTREAM_RATE_LIMITED') await sleep(1_050)
  }
}

async function endOf(rig: WalletRig, grantId: string): Promise<string | undefined> {
  let state: string | undefined
  await expect
    .poll(
      async () => {
        const [receipt] = await rig.reconcile([grantId])
        state = receipt?.state
        return state === undefined || state === 'UNKNOWN'
      },
      { timeout: 8_000, interval: 30 },
    )
    .toBe(false)
  return state
}

describe('a node that fails', () => {
  guarantee(
    {
      id: 'wallet-faults-once',
      title: 'every fault with every transfer: each is paid once',
      n: FAULTS.length * TOOLS.length,
      seed: 0,
      timeoutMs: 60_000,
    },
    async () => payThroughFaults(),
  )

  control(
    {
      guard: 'the doubt after a lost answer',
      test: 'wallet-faults-once',
      expect: /wei that were paid/,
    },
    async () => payThroughFaults({ rules: withoutDoubt() }),
  )
})

/** What most clients do: an answer that did not come means that it did not happen. */
function withoutDoubt(): Rules {
  return {
    ...RULES,
    settle: (given) =>
      given.outcome.kind === 'unknown'
        ? RULES.settle({ ...given, outcome: { kind: 'not_sent', refusal: LOST } })
        : RULES.settle(given),
  }
}

const LOST = { code: 'UPSTREAM_UNAVAILABLE', detail: 'no answer' } as const

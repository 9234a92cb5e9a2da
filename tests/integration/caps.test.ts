import { setTimeout as sleep } from 'node:timers/promises'

import { windowOf } from '@chimera/mcp-kit/protocol/checks'
import type { AccountWindow } from '@chimera/mcp-kit/protocol/effect-tool'
import type { EffectDraft } from '@chimera/mcp-kit/serving/define-tool'
import { inNoTurn } from '@chimera/mcp-kit/testing/in-no-turn'
import { TestAccount } from '@chimera/mcp-kit/testing/test-account'
import { requestOf } from '@chimera/mcp-kit/testing/test-tool'
import { afterEach, beforeEach, expect } from 'vitest'

import { control, guarantee } from '../guarantee.ts'

const DAY_MS = 86_400_000
const CAP = 50n
const CALLERS = 8

let account: TestAccount
beforeEach(async () => {
  account = new TestAccount()
})
afterEach(async () => account[Symbol.asyncDispose]())

/** The amount is in the text: `pay 20 1` pays 20. */
const amountOf = (text: string): bigint => BigInt(text.split(' ')[1] ?? '0')

const spentOf = (window: AccountWindow): bigint =>
  window.spent({ asset: 'usdc', ms: DAY_MS }).amount

const overCap = (window: AccountWindow, amount: bigint) =>
  spentOf(window) + amount > CAP
    ? ({ code: 'LIMIT_EXCEEDED', detail: 'The cap of the day is reached.' } as const)
    : undefined

/** A payment: its bytes take a look at the provider, its caps are asked in the claim. */
const payment = (text: string): Partial<EffectDraft> => {
  const amount = amountOf(text)
  return {
    spends: [{ asset: 'usdc', amount, usdMicros: amount }],
    prepare: async () => {
      const nonce = String([...account.ledger.entries.all()].length)
      await sleep(1)
      return { ...requestOf(text), facts: { nonce } }
    },
    checkWindow: (window) => overCap(window, amount),
  }
}

const pay = async (text: string): Promise<unknown> =>
  account.call(account.claims({ args: { text } }), { text })

async function race(): Promise<void> {
  const texts = Array.from({ length: CALLERS }, (_, n) => `pay 10 ${n}`)
  await Promise.all(texts.map(pay))
  expect(spentOf(windowOf(account.ledger))).toBe(CAP)
  expect(account.sent).toHaveLength(5)
}

const cap = { id: 'racing-caps', title: 'racing calls reach a cap, and never pass it' }
guarantee({ ...cap, n: CALLERS, seed: 1 }, async () => {
  account.draft = payment
  await account.open()
  await race()
})

const checked = { guard: 'the caps in the transaction of the claim', test: cap.id, expect: /80n/ }
control(checked, async () => {
  account.draft = (text) => {
    const refusal = overCap(windowOf(account.ledger), amountOf(text))
    return {
      ...payment(text),
      ...(refusal === undefined ? {} : { prepare: () => refusal }),
      checkWindow: () => undefined,
    }
  }
  await account.open()
  await race()
})

async function countUp(): Promise<void> {
  const texts = Array.from({ length: CALLERS }, (_, n) => `pay 1 ${n}`)
  await Promise.all(texts.map(pay))
  const nonces = [...account.ledger.entries.all()].map(({ facts }) => facts['nonce'])
  expect(new Set(nonces)).toEqual(new Set(texts.map((_, n) => String(n))))
}

const nonce = {
  id: 'one-nonce',
  title: 'bytes and claim are made in turn: each nonce is used once',
}
guarantee({ ...nonce, n: CALLERS, seed: 1 }, async () => {
  account.draft = payment
  await account.open()
  await countUp()
})

control({ guard: 'one after the other', test: nonce.id, expect: /to deeply equal/ }, async () => {
  account.draft = payment
  await account.open({ rules: { openTurns: inNoTurn } })
  await countUp()
})

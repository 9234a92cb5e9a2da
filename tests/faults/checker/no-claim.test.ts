import type { ReceiptClaims } from '@chimera/contracts/grant'
import { expect } from 'vitest'

import { control, guarantee } from '../../guarantee.ts'
import { Rig } from '../../integration/tool-rig.ts'
import { checkHistory } from './check-history.ts'
import { parseProviderRecord } from './history.ts'

const WORDS = 'said once, and the server dies of it'
const args = { text: WORDS, is_ai_labeled: true }
const FAST = { TWEET_COOLDOWN_MS: '1', TWEET_ABSENCE_MS: '450', TWEET_SEND_TIMEOUT_MS: '1000' }

/**
 * What a storm does to one effect, in small: the tool server is killed right after its send, comes
 * back, and is asked again. A goal is made of what its receipts say, and the checker is to find
 * nothing.
 */
async function killAfterTheSend(composed?: readonly string[]): Promise<void> {
  await using rig = new Rig()
  await rig.startX()
  await rig.tellX({ duplicate_check: false })
  const parts = composed === undefined ? {} : { composed }
  await rig.startTool({ env: { ...FAST, CHIMERA_CRASH_AT: 'tool.send.sent' }, ...parts })
  const claims = rig.claims({ args })
  const died = rig.tool.exited
  await rig.call(claims, args).catch(() => undefined)
  expect(await died).toMatchObject({ signal: 'SIGKILL' })
  await rig.startTool({ env: FAST, ...parts })
  const receipts = [await settle(rig, claims)]
  if (receipts[0]?.state !== 'CONFIRMED') {
    const next = { ...rig.claims({ args, goal: claims.goal }), round: 2, closed_rounds: [1] }
    const { receipt } = await rig.call(next, args)
    if (receipt !== undefined) receipts.push(receipt)
  }
  const goal = {
    id: claims.goal,
    status: 'COMPLETED',
    partial: [],
    effects: receipts.map(({ round, state, provider_ref }) => ({
      slot: claims.slot,
      round,
      state,
      provider_ref: provider_ref ?? null,
    })),
  }
  const { findings } = checkHistory({
    intents: [{ goalId: goal.id, words: WORDS, isAccepted: true }],
    provider: parseProviderRecord(
      rig
        .requests()
        .map((line) => `${JSON.stringify(line)}\n`)
        .join(''),
    ),
    goals: new Map([[goal.id, goal]]),
  })
  expect(findings.map(({ verdict }) => verdict).join(' and ')).toBe('')
}

async function settle(rig: Rig, claims: Parameters<Rig['call']>[0]): Promise<ReceiptClaims> {
  const again = await rig.call(claims, args)
  const receipt = again.receipt ?? (await rig.askVoid(claims))
  return receipt.state === 'UNKNOWN' ? rig.settled(claims.jti) : receipt
}

guarantee(
  {
    id: 'checker-sees-once',
    title: 'the checker finds nothing wrong with a tool server that dies after its send',
    n: 1,
    seed: 0,
  },
  () => killAfterTheSend(),
)

control(
  { guard: 'the claim before the act', test: 'checker-sees-once', expect: /expected 'duplicated/ },
  () => killAfterTheSend(['without=claim']),
)

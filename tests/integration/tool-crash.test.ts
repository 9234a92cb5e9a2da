import { readFileSync } from 'node:fs'
import { join } from 'node:path'

import { CRASH_POINTS, type CrashPoint } from '@chimera/contracts/crash-points'
import type { GrantClaims, ReceiptClaims } from '@chimera/contracts/grant'
import { newId } from '@chimera/contracts/ids'
import { expect } from 'vitest'

import { control, guarantee } from '../guarantee.ts'
import { Rig } from './tool-rig.ts'

const FAST = { TWEET_COOLDOWN_MS: '1', TWEET_ABSENCE_MS: '450', TWEET_SEND_TIMEOUT_MS: '1000' }
const args = { text: 'said once, whatever dies', is_ai_labeled: true }
const LABELS = CRASH_POINTS.filter((label) => label.startsWith('tool.'))

/** States after which the record may grant the next round. */
const CLOSED = new Set(['VOID', 'NOT_SENT', 'NOT_HAPPENED', 'REFUSED'])

/**
 * Kills the server at a point of the path, starts it again, and does what the record does: carries
 * the grant again, asks for its end, and grants the next round once this one is closed without
 * effect.
 */
async function killAt(label: CrashPoint, composed?: readonly string[]): Promise<void> {
  await using rig = new Rig()
  await rig.startX()
  await rig.tellX({ duplicate_check: false })
  const parts = composed === undefined ? {} : { composed }
  await rig.startTool({ env: { ...FAST, CHIMERA_CRASH_AT: label }, ...parts })
  const claims = rig.claims({ args })
  const died = rig.tool.exited
  await rig.call(claims, args).catch(() => undefined)
  expect(await died).toMatchObject({ signal: 'SIGKILL' })
  expect(readFileSync(join(rig.folder, 'state', 'crash-points.jsonl'), 'utf8')).toContain(label)
  await rig.startTool({ env: FAST, ...parts })
  const outcome = await settle(rig, claims)
  expect([...CLOSED, 'CONFIRMED']).toContain(outcome.state)
  if (outcome.state === 'CONFIRMED') {
    expect(outcome.provider_ref).toBe(rig.posts()[0]?.id)
  } else {
    const next = { ...rig.claims({ args, goal: claims.goal }), round: 2, closed_rounds: [1] }
    expect((await rig.call(next, args)).status).toBe('CONFIRMED')
  }
  expect(rig.posts(), `posts after a kill at ${label}`).toHaveLength(1)
}

async function settle(rig: Rig, claims: GrantClaims): Promise<ReceiptClaims> {
  const again = await rig.call(claims, args)
  const receipt = again.receipt ?? (await rig.askVoid(claims))
  return receipt.state === 'UNKNOWN' ? rig.settled(claims.jti) : receipt
}

guarantee(
  {
    id: 'tool-crash-once',
    title: 'a tool server that is killed at any point of the path posts once',
    n: LABELS.length,
    seed: 5,
    timeoutMs: 120_000,
  },
  async () => {
    for (const label of LABELS) await killAt(label)
  },
)

/**
 * The same kill with nothing written down before the act: the record cannot know, and asks again.
 */
control(
  {
    guard: 'the claim before the act',
    test: 'tool-crash-once',
    expect: /posts after a kill at tool.send.sent.*but got 2/s,
  },
  async () => killAt('tool.send.sent', ['without=claim', `run=${newId()}`]),
)

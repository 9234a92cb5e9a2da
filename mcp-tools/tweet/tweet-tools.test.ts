import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { newId } from '@chimera/contracts/ids'
import { openLedger, type Ledger } from '@chimera/mcp-kit/ledger/ledger'
import { windowOf } from '@chimera/mcp-kit/protocol/checks'
import type { ServedEffectTool, ServedTool } from '@chimera/mcp-kit/serving/define-tool'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'

import { openMediaStore } from './media-store.ts'
import { simulatedNetwork } from './network/simulated-network.ts'
import { nextReplyAtMs, REPLY_WINDOW } from './tweet-limits.ts'
import { tweetTools } from './tweet-tools.ts'

let folder: string
let ledger: Ledger
let clockMs = Date.now()
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'chimera-tweet-'))
  ledger = openLedger({
    path: join(folder, 'l.sqlite'),
    account: 'a',
    clock: { wall: () => clockMs, monotonic: () => clockMs },
  })
})
afterEach(() => {
  ledger[Symbol.dispose]()
  rmSync(folder, { recursive: true, force: true })
})

const tools = (): readonly ServedTool[] =>
  tweetTools({
    network: simulatedNetwork({ baseUrl: 'http://127.0.0.1:9', token: 't' }),
    ledger,
    media: openMediaStore(folder),
    cooldownMs: 900_000,
    sendTimeoutMs: 10_000,
  })

function effectTool(name: string): ServedEffectTool {
  const tool = tools().find((each) => each.definition.name === name)
  if (tool?.kind !== 'effect') throw new Error(`There is no effect tool ${name}.`)
  return tool
}

describe('what a client is shown', () => {
  test('is strict: no tool takes or gives a field that it does not name', () => {
    for (const { definition } of tools()) {
      expect(definition.inputSchema).toMatchObject({ additionalProperties: false })
      expect(definition.outputSchema).toMatchObject({ additionalProperties: false })
    }
  })
})

describe('a plan', () => {
  const plan = (args: object) => effectTool('post_tweet').effect.plan(args)
  const bodyOf = async (args: object): Promise<unknown> => {
    const made = await plan(args).plan?.prepare({ effectKey: 'key', round: 1 })
    return made !== undefined && 'body' in made ? JSON.parse(made.body.toString()) : made
  }

  test('has the price of a post, and a higher one with a link', () => {
    expect(plan({ text: 'plain' }).plan?.costUsdMicros).toBe(15_000n)
    expect(plan({ text: 'see example.com' }).plan?.costUsdMicros).toBe(200_000n)
  })

  test('labels what says nothing of a label', async () => {
    expect(await bodyOf({ text: 'plain' })).toMatchObject({ text: 'plain', made_with_ai: true })
  })

  test('sends NFC, as it was hashed', async () => {
    expect(await bodyOf({ text: 'cafe\u0301' })).toMatchObject({ text: 'caf\u00e9' })
  })

  test.each([
    ['a text that is too long', { text: 'a'.repeat(281) }, 'TEXT_TOO_LONG'],
    ['a text of blanks', { text: '  ' }, 'INPUT_INVALID'],
    ['blanks that X would cut off', { text: 'a ' }, 'INPUT_INVALID'],
    ['media by name', { text: 'a', media_ids: ['cat.png'] }, 'INPUT_INVALID'],
    ['a field of its own', { text: 'a', reply_to: '1' }, 'INPUT_INVALID'],
    ['nothing', {}, 'INPUT_INVALID'],
  ])('refuses %s', (_title, args, code) => {
    expect(plan(args).refusal).toMatchObject({ code })
  })
})

describe('the window of replies', () => {
  function reply(state: 'CONFIRMED' | 'UNKNOWN' | 'REFUSED'): void {
    const grantId = newId()
    const about = {
      effectKey: grantId,
      round: 1,
      grantId,
      argsHash: '',
      account: 'a',
      tool: 'reply_tweet',
      mode: 'paper',
      scope: {},
      boot: ledger.boot,
      incarnation: '',
      isSimulated: true,
    } as const
    ledger.transact(() => {
      const entry = ledger.entries.claim(about, {
        args: '{}',
        content: '',
        send: undefined,
        deadlineMs: 0,
        costUsdMicros: undefined,
        claimedMs: clockMs,
        claimedWallMs: clockMs,
      })
      ledger.entries.settle(entry, { state, settledMs: clockMs, leftByMs: clockMs })
    })
  }
  const waitMs = (): number => nextReplyAtMs(windowOf(ledger)) - clockMs

  test('slides: the next place is free when the oldest of them has left it', () => {
    reply('CONFIRMED')
    clockMs += 1_000
    for (let n = 1; n < REPLY_WINDOW.limit; n += 1) reply('CONFIRMED')
    expect(waitMs()).toBe(REPLY_WINDOW.ms - 1_000)
    clockMs += REPLY_WINDOW.ms - 1_000
    expect(waitMs()).toBe(0)
    reply('CONFIRMED')
    expect(waitMs()).toBe(1_000)
  })

  test('counts what is unknown however old it is, and never what was refused', () => {
    for (let n = 0; n < REPLY_WINDOW.limit; n += 1) reply('REFUSED')
    expect(waitMs()).toBe(0)
    for (let n = 0; n < REPLY_WINDOW.limit; n += 1) reply('UNKNOWN')
    clockMs += 10 * REPLY_WINDOW.ms
    expect(waitMs()).toBeGreaterThan(0)
  })
})

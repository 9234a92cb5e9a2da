import { execFile } from 'node:child_process'
import { copyFileSync, existsSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'

import { openLedger } from '@chimera/mcp-kit/ledger/ledger'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'

import { control, guarantee } from '../guarantee.ts'
import { Rig, TOKENS } from './tool-rig.ts'

/** What becomes of a ledger that is lost, older, another's or copied, on real processes. */

const FAST = { TWEET_COOLDOWN_MS: '1', TWEET_ABSENCE_MS: '450', TWEET_SEND_TIMEOUT_MS: '500' }
const args = { text: 'said once, whatever the ledger', is_ai_labeled: true }

let rig: Rig
beforeEach(async () => {
  rig = new Rig()
  await rig.startX()
  await rig.tellX({ duplicate_check: false })
  await rig.startTool({ env: FAST })
})
afterEach(async () => rig[Symbol.asyncDispose]())

const FILES = ['', '-wal', '-shm'] as const

/** Ends the server, does something to its files, and starts it again. */
async function meanwhile(work: () => void, env: Record<string, string> = {}): Promise<void> {
  await rig.tool.kill()
  work()
  await rig.startTool({ env: { ...FAST, ...env } })
}

const lose = (): void => {
  for (const suffix of FILES) rmSync(`${rig.ledgerPath}${suffix}`, { force: true })
}

/** The server looks by itself; a hello opens it when nothing that was adopted is unknown. */
async function settleAdopted(): Promise<void> {
  await expect.poll(async () => (await rig.hello()).state, { timeout: 15_000 }).toBe('open')
}

/** What a record does whose tool server has lost its ledger after a post. */
async function loseAndGoOn(composed: readonly string[]): Promise<void> {
  await using own = new Rig()
  await own.startX()
  await own.tellX({ duplicate_check: false })
  await own.startTool({ env: FAST, composed })
  const claims = own.claims({ args })
  await own.call(claims, args)
  await own.tool.kill()
  for (const suffix of FILES) rmSync(`${own.ledgerPath}${suffix}`, { force: true })
  await own.startTool({ env: FAST, composed })
  if (own.status.state === 'closed') {
    await own.adopt({ effects: [own.judge.adopted(claims, args)] })
    await expect.poll(async () => (await own.hello()).state, { timeout: 15_000 }).toBe('open')
  }
  const { state } = await own.askVoid(claims)
  if (state === 'VOID') {
    const next = { ...own.claims({ args, goal: claims.goal }), round: 2, closed_rounds: [1] }
    await own.call(next, args)
  }
  expect(own.posts(), 'posts after the ledger was lost').toHaveLength(1)
}

guarantee(
  { id: 'tool-boot', title: 'a lost ledger proves nothing by what it lacks', n: 1, seed: 6 },
  async () => loseAndGoOn([]),
)
control(
  { guard: 'the boot', test: 'tool-boot', expect: /posts after the ledger was lost.*but got 2/s },
  async () => loseAndGoOn(['without=boot']),
)

describe('a ledger that is behind', () => {
  test('that was lost: adopted, looked up, opened, and nothing was done twice', async () => {
    const claims = rig.claims({ args })
    const { receipt } = await rig.call(claims, args)
    await meanwhile(lose)
    expect(rig.status).toMatchObject({ state: 'closed' })
    expect(rig.status.reason).toContain('LEDGER_BEHIND')
    expect(await rig.call(claims, args)).toMatchObject({ status: 'NONE', code: 'LEDGER_BEHIND' })
    const seq = receipt?.seq ?? 0
    const { reason } = await rig.adopt({
      highest_seq: seq,
      effects: [rig.judge.adopted(claims, args)],
    })
    expect(reason).toContain('1 adopted effects are still UNKNOWN')
    await settleAdopted()
    const again = await rig.call(claims, args)
    expect(again.receipt).toMatchObject({ provider_ref: receipt?.provider_ref })
    expect(again.receipt?.seq).toBeGreaterThan(seq)
    expect(rig.posts()).toHaveLength(1)
  })

  test('that is an hour old: the same', async () => {
    await rig.tool.kill()
    for (const suffix of FILES) {
      const file = `${rig.ledgerPath}${suffix}`
      if (existsSync(file)) copyFileSync(file, `${file}.old`)
    }
    await rig.startTool({ env: FAST })
    const claims = rig.claims({ args })
    await rig.call(claims, args)
    await meanwhile(() => {
      lose()
      for (const suffix of FILES) {
        const file = `${rig.ledgerPath}${suffix}`
        if (existsSync(`${file}.old`)) copyFileSync(`${file}.old`, file)
      }
    })
    expect(rig.status.reason).toContain('LEDGER_BEHIND')
    await rig.adopt({ effects: [rig.judge.adopted(claims, args)] })
    await settleAdopted()
    expect(await rig.call(claims, args)).toMatchObject({ status: 'CONFIRMED' })
    expect(rig.posts()).toHaveLength(1)
  })

  test('that is of another account: closed for good', async () => {
    await meanwhile(() => undefined, { TOOL_ACCOUNT: 'x-other' })
    expect(rig.status).toMatchObject({
      account: 'x-other',
      state: 'closed',
      reason: expect.stringContaining('WRONG_ACCOUNT'),
    })
    await expect(rig.adopt()).rejects.toThrow('WRONG_ACCOUNT')
  })
})

test('a record that forgot a boot is not believed, until it is restored in the open', async () => {
  await meanwhile(() => undefined)
  const { boot } = rig.status.ledger
  const forgetful = { known_boots: [boot] }
  expect(await rig.hello(forgetful)).toMatchObject({
    state: 'closed',
    reason: expect.stringContaining('RECORD_BEHIND'),
    fences: { everything: 1 },
  })
  expect(rig.tool.lines.join('\n')).toContain('"alarm":true')
  expect(await rig.call(rig.claims({ args }), args)).toMatchObject({ code: 'RECORD_BEHIND' })
  rig.judge.incarnation = '01a1fe80-0000-7000-8000-000000000000'
  expect(await rig.hello(forgetful)).toMatchObject({ state: 'fenced' })
  await rig.fence('everything', 2, false)
  const claims = rig.claims({ args, fences: { everything: 2 } })
  expect(await rig.call(claims, args)).toMatchObject({ status: 'CONFIRMED' })
})

test('a hello of another time closes it, and one of now opens it again', async () => {
  const now = Math.floor(Date.now() / 1000)
  expect(await rig.hello({ iat: now - 60 })).toMatchObject({
    state: 'closed',
    reason: expect.stringContaining('CLOCK_JUMP'),
  })
  expect(await rig.call(rig.claims({ args }), args)).toMatchObject({ code: 'CLOCK_JUMP' })
  expect(await rig.hello()).toMatchObject({ state: 'open' })
})

test('what no provider can tell is settled by a person, through the server', async () => {
  // Two that say the same, of which one arrives: nobody can tell which. X shows it after both have
  // been claimed and well before its absence proves anything, however slow the machine is.
  await meanwhile(() => undefined, { TWEET_ABSENCE_MS: '3000' })
  await rig.tellX({ fault: 'cut', timeline_delay_ms: 1_500 })
  await rig.tellX({ fault: '5xx' })
  const both = [rig.claims({ args }), rig.claims({ args })] as const
  const [first, second] = [await rig.connect(), await rig.connect()]
  const calls = [rig.call(both[0], args, { client: first })]
  // The other has to come before anybody may say that the first is absent.
  const sent = () => rig.requests().filter(({ method }) => method === 'POST')
  await expect.poll(() => sent().length, { interval: 5 }).toBe(1)
  calls.push(rig.call(both[1], args, { client: second }))
  expect(await Promise.all(calls)).toMatchObject([{ status: 'UNKNOWN' }, { status: 'UNKNOWN' }])
  await Promise.all([first.close(), second.close()])
  const [post] = rig.posts()
  const happened = { outcome: 'happened', provider_ref: post?.id ?? '' } as const
  const states = await Promise.all(both.map(async ({ jti }) => (await rig.settled(jti)).state))
  expect(states).toEqual(['NEEDS_HUMAN', 'NEEDS_HUMAN'])
  await rig.fence('everything', 1)
  expect(await rig.settle(both[0], happened)).toMatchObject({ state: 'CONFIRMED' })
  await expect(rig.settle(both[1], happened)).rejects.toThrow('SETTLE_REFUSED')
  const other = await rig.settle(both[1], { outcome: 'did_not_happen' })
  expect(other).toMatchObject({ state: 'NOT_HAPPENED', grant_id: both[1].jti })
})

describe('a backup', () => {
  const get = async (token: string): Promise<Response> =>
    fetch(`${rig.url}/control/backup`, { headers: { authorization: `Bearer ${token}` } })

  test('is a whole ledger, of a server that is held, closed or fenced', async () => {
    const claims = rig.claims({ args })
    await rig.call(claims, args)
    await meanwhile(() => undefined)
    await rig.fence('everything', 3)
    const response = await get(TOKENS.control)
    expect(response.headers.get('chimera-ledger-id')).toBe(rig.status.ledger.id)
    const bytes = Buffer.from(await response.arrayBuffer())
    expect(bytes).toHaveLength(Number(response.headers.get('content-length')))
    const path = join(rig.folder, 'copy.sqlite')
    writeFileSync(path, bytes)
    using copy = openLedger({ path, account: 'x-simulated' })
    expect(copy.id).toBe(rig.status.ledger.id)
    expect(copy.entries.byGrant(claims.jti)).toMatchObject({ state: 'CONFIRMED' })
    expect(readdirSync(rig.folder).filter((name) => name.includes('.copy-'))).toEqual([])
  })

  test('leaves the lock in place: no other process can even read', async () => {
    expect((await get(TOKENS.control)).status).toBe(200)
    const script = `new (require('node:sqlite').DatabaseSync)(process.argv[1], { timeout: 0 })
      .prepare('SELECT count(*) FROM entries').get()`
    const reading = promisify(execFile)(process.execPath, ['-e', script, rig.ledgerPath])
    await expect(reading).rejects.toThrow('locked')
  })

  test('is not for the stop token', async () => {
    expect((await get(TOKENS.stop)).status).toBe(403)
    expect((await get(TOKENS.mcp)).status).toBe(401)
  })
})

import { KillReply } from '@chimera/contracts/tool-control'
import { afterEach, beforeEach, expect, test } from 'vitest'

import type { HttpServing } from '../serving/door.ts'
import { serveHttp } from '../serving/serve-http.ts'
import { TestAccount } from '../testing/test-account.ts'

const CONTROL = 'the-control-token'
const STOP = 'the-stop-token'
const KILL = 'the-operators-own-token'

let account: TestAccount
let serving: HttpServing
beforeEach(async () => {
  account = await new TestAccount().open()
  serving = await serveHttp({
    server: account.server,
    host: '127.0.0.1',
    port: 0,
    tokens: { mcp: 'the-mcp-token', control: CONTROL, stop: STOP, kill: KILL },
    log: { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} },
  })
})
afterEach(async () => {
  await serving[Symbol.asyncDispose]()
  await account[Symbol.asyncDispose]()
})

async function ask(token: string, body?: object, path = '/control/kill') {
  const response = await fetch(serving.url + path, {
    method: body === undefined ? 'GET' : 'POST',
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  })
  const answer: unknown = await response.json()
  const parsed = KillReply.safeParse(answer)
  return { status: response.status, level: parsed.data?.level, reply: parsed.data }
}
const to = (level: number) => ({ level, reason: 'smoke', actor: 'ann' })

test('whoever may stop may raise it, and a lower level changes nothing', async () => {
  expect(await ask(STOP, to(2))).toMatchObject({ status: 200, level: 2 })
  expect(await ask(CONTROL, to(3))).toMatchObject({ status: 200, level: 3 })
  expect(await ask(CONTROL)).toMatchObject({ level: 3 })
})

test.each([
  ['the stop token', STOP],
  ['the control token', CONTROL],
])('%s does not lower it', async (_name, token) => {
  await ask(STOP, to(4))
  expect(await ask(token, to(0))).toMatchObject({ status: 403 })
  expect(await ask(KILL)).toMatchObject({ level: 4 })
})

test('the operator lowers it, says why, and can do nothing else with that token', async () => {
  await ask(STOP, to(5))
  const lowered = await ask(KILL, { level: 1, reason: 'put out', actor: 'bob' })
  expect(lowered.reply).toMatchObject({
    level: 1,
    history: [
      { level: 1, reason: 'put out', actor: 'bob' },
      { level: 5, reason: 'smoke', actor: 'ann' },
    ],
  })
  expect(await ask(KILL, { level: 0, actor: 'bob' })).toMatchObject({ status: 422 })
  expect((await ask(KILL, undefined, '/control/status')).status).toBe(401)
  const fence = { scope: 'everything', stopped: true }
  expect((await ask(KILL, fence, '/control/fence')).status).toBe(401)
})

test('nobody else is told or obeyed', async () => {
  for (const token of ['the-mcp-token', 'guessed']) {
    expect((await ask(token)).status).toBe(401)
    expect((await ask(token, to(5))).status).toBe(401)
  }
  expect(account.ledger.kill.current().level).toBe(0)
})

test('without a token of the operator nobody lowers it', async () => {
  await serving[Symbol.asyncDispose]()
  serving = await serveHttp({
    server: account.server,
    host: '127.0.0.1',
    port: 0,
    tokens: { mcp: 'the-mcp-token', control: CONTROL, stop: STOP },
    log: { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} },
  })
  await ask(STOP, to(2))
  for (const token of [KILL, CONTROL, STOP, '']) {
    expect((await ask(token, to(0))).status).toBeGreaterThanOrEqual(401)
  }
  expect(account.ledger.kill.current().level).toBe(2)
})

import { PassThrough } from 'node:stream'

import { afterEach, beforeEach, describe, expect, test } from 'vitest'

import { createRelay, type Link, type Relay } from './relay.ts'

let input: PassThrough
let output: PassThrough
let relay: Relay
let answers: string[]
beforeEach(() => {
  input = new PassThrough()
  output = new PassThrough()
  answers = linesOf(output)
  relay = createRelay({ input, output })
})
afterEach(() => input.destroy())

function linesOf(stream: PassThrough): string[] {
  const lines: string[] = []
  stream.on('data', (chunk: Buffer) => lines.push(...chunk.toString().trim().split('\n')))
  return lines
}

/** A server that hears lines and says what the test makes it say. */
function createServer() {
  const [readable, writable] = [new PassThrough(), new PassThrough()]
  const heard = linesOf(writable)
  const link: Link = { readable, writable }
  return {
    link,
    heard,
    say: (message: object) => readable.write(`${JSON.stringify(message)}\n`),
    die: () => readable.destroy(),
  }
}

const ask = (id: number | string, method: string): string =>
  JSON.stringify({ jsonrpc: '2.0', id, method, params: {} })
const say = (line: string): boolean => input.write(`${line}\n`)
const call = (id: number | string): string => ask(id, 'tools/call')
const INITIALIZED = JSON.stringify({ jsonrpc: '2.0', method: 'notifications/initialized' })

test('passes lines both ways as they are', async () => {
  const server = createServer()
  void relay.attach(server.link)
  say(call(1))
  await expect.poll(() => server.heard).toEqual([call(1)])
  server.say({ jsonrpc: '2.0', id: 1, result: {} })
  await expect.poll(() => answers).toEqual(['{"jsonrpc":"2.0","id":1,"result":{}}'])
})

test('says nothing to nobody: what comes before a server waits for it', async () => {
  say(call(1))
  const server = createServer()
  void relay.attach(server.link)
  await expect.poll(() => server.heard).toEqual([call(1)])
})

describe('when the server dies', () => {
  test('a call in flight is answered as retryable, once, and not sent again', async () => {
    const [first, second] = [createServer(), createServer()]
    const gone = relay.attach(first.link)
    say(call(1))
    say(call('two'))
    await expect.poll(() => first.heard).toHaveLength(2)
    first.say({ jsonrpc: '2.0', id: 1, result: {} })
    await expect.poll(() => answers).toHaveLength(1)
    first.die()
    await gone
    await expect.poll(() => answers).toHaveLength(2)
    expect(JSON.parse(answers[1] ?? '')).toMatchObject({
      id: 'two',
      error: { data: { code: 'SERVER_CLOSED', retryable: true } },
    })
    void relay.attach(second.link)
    say(call(3))
    await expect.poll(() => second.heard).toEqual([call(3)])
    expect(answers).toHaveLength(2)
  })

  test('what has no effect is asked again of the next', async () => {
    const [first, second] = [createServer(), createServer()]
    const gone = relay.attach(first.link)
    say(ask(1, 'tools/list'))
    await expect.poll(() => first.heard).toHaveLength(1)
    first.die()
    await gone
    void relay.attach(second.link)
    await expect.poll(() => second.heard).toEqual([ask(1, 'tools/list')])
    expect(answers).toEqual([])
  })

  test('the next hears the opening of 2025 again, and its answer stays here', async () => {
    const [first, second] = [createServer(), createServer()]
    const gone = relay.attach(first.link)
    say(ask(0, 'initialize'))
    await expect.poll(() => first.heard).toHaveLength(1)
    first.say({ jsonrpc: '2.0', id: 0, result: {} })
    say(INITIALIZED)
    await expect.poll(() => answers).toHaveLength(1)
    first.die()
    await gone
    void relay.attach(second.link)
    await expect.poll(() => second.heard).toEqual([ask(0, 'initialize'), INITIALIZED])
    second.say({ jsonrpc: '2.0', id: 0, result: {} })
    second.say({ jsonrpc: '2.0', method: 'notifications/message' })
    await expect.poll(() => answers).toHaveLength(2)
    expect(answers[1]).toContain('notifications/message')
  })
})

test('a message that never ends is not kept', () => {
  const server = createServer()
  void relay.attach(server.link)
  expect(() => input.emit('data', Buffer.alloc(9_000_000, 'x'))).toThrow(RangeError)
})

test('the end of the client is heard', async () => {
  void relay.attach(createServer().link)
  input.end()
  await relay.ended
})

import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { z } from 'zod'

import { openOAuth2Token, type OAuth2Token } from './oauth2-token.ts'

const HOUR_MS = 3_600_000
const Pair = z.object({ access_token: z.string(), refresh_token: z.string() })

let folder: string
let file: string
let server: Server
let baseUrl: string
let nowMs = Date.now()
/** What X knows: the one refresh token that is still good. */
let good = 'refresh-1'
let answers: ((body: string) => { status: number; body: unknown })[] = []
const asked: { authorization: string | undefined; form: URLSearchParams; onDisk: string }[] = []

/** A token endpoint that takes each refresh token once. */
function rotate(body: string): { status: number; body: unknown } {
  const token = new URLSearchParams(body).get('refresh_token')
  if (token !== good) return { status: 400, body: { error: 'invalid_grant' } }
  const n = Number(good.split('-')[1]) + 1
  good = `refresh-${n}`
  const pair = { access_token: `access-${n}`, refresh_token: good, expires_in: 7_200 }
  return { status: 200, body: { ...pair, token_type: 'bearer', scope: 'tweet.write' } }
}

const onDisk = () => Pair.parse(JSON.parse(readFileSync(file, 'utf8')))

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'chimera-oauth-'))
  file = join(folder, 'x.json')
  nowMs = Date.now()
  good = 'refresh-1'
  answers = []
  asked.length = 0
  const expiresAt = new Date(nowMs + 2 * HOUR_MS).toISOString()
  const pair = { access_token: 'access-1', refresh_token: 'refresh-1', expires_at: expiresAt }
  writeFileSync(file, JSON.stringify(pair), { mode: 0o600 })
  server = createServer((request, response) => {
    let body = ''
    request.on('data', (chunk: Buffer) => (body += chunk.toString()))
    request.on('end', () => {
      const { authorization } = request.headers
      asked.push({
        authorization,
        form: new URLSearchParams(body),
        onDisk: onDisk().refresh_token,
      })
      const answer = (answers.shift() ?? rotate)(body)
      response.writeHead(answer.status, { 'content-type': 'application/json' })
      response.end(JSON.stringify(answer.body))
    })
  })
  const { promise, resolve } = Promise.withResolvers<void>()
  server.listen(0, '127.0.0.1', resolve)
  await promise
  const { port } = z.object({ port: z.int() }).parse(server.address())
  baseUrl = `http://127.0.0.1:${port}`
})
afterEach(async () => {
  const { promise, resolve } = Promise.withResolvers<void>()
  server.close(() => resolve())
  server.closeAllConnections()
  await promise
  rmSync(folder, { recursive: true, force: true })
})

const open = (other: { clientSecret?: string } = {}): OAuth2Token =>
  openOAuth2Token({ file, clientId: 'client', baseUrl, now: () => nowMs, ...other })

describe('a token pair', () => {
  test('is used as it is until it is about to end', async () => {
    const token = open()
    expect(await token.renew()).toBeUndefined()
    expect(token.current()).toBe('access-1')
    expect(asked).toEqual([])
  })

  test('is renewed before it ends, once for all who ask, and is on the disk then', async () => {
    const token = open()
    nowMs += 2 * HOUR_MS - 60_000
    await Promise.all([token.renew(), token.renew(), token.renew()])
    expect(token.current()).toBe('access-2')
    expect(onDisk()).toEqual({ access_token: 'access-2', refresh_token: 'refresh-2' })
    expect(statSync(file).mode & 0o777).toBe(0o600)
    expect(asked).toHaveLength(1)
    expect(asked[0]?.form.get('client_id')).toBe('client')
    expect(asked[0]?.authorization).toBeUndefined()
  })

  test('goes on in the next life of the process, with the refresh token of the last', async () => {
    nowMs += 2 * HOUR_MS
    await open().renew()
    nowMs += 2 * HOUR_MS
    const next = open()
    await next.renew()
    expect(next.current()).toBe('access-3')
    // What X gave was on the disk before anything was done with it.
    expect(asked.map((each) => [each.form.get('refresh_token'), each.onDisk])).toEqual([
      ['refresh-1', 'refresh-1'],
      ['refresh-2', 'refresh-2'],
    ])
  })

  test('that another process of the account has renewed is taken from the file', async () => {
    const bridge = open()
    nowMs += 2 * HOUR_MS
    await open().renew()
    expect(await bridge.renew()).toBeUndefined()
    expect(bridge.current()).toBe('access-2')
    expect(asked).toHaveLength(1)
  })

  test('of a confidential client is asked for with its secret in the header', async () => {
    nowMs += 2 * HOUR_MS
    await open({ clientSecret: 'a secret/+' }).renew()
    const basic = Buffer.from('client:a%20secret%2F%2B').toString('base64')
    expect(asked[0]?.authorization).toBe(`Basic ${basic}`)
    expect(asked[0]?.form.has('client_id')).toBe(false)
  })

  test('that X no longer knows is a refusal that says what to do', async () => {
    const token = open()
    nowMs += 2 * HOUR_MS
    good = 'somebody else has renewed it'
    expect(await token.renew()).toMatchObject({
      code: 'UPSTREAM_REJECTED',
      detail: expect.stringContaining('log in again'),
    })
  })

  test('stays as it is when X is away, and nothing of it is told', async () => {
    const token = open()
    nowMs += 2 * HOUR_MS
    answers = [() => ({ status: 503, body: { title: 'away' } })]
    await expect(token.renew()).rejects.toMatchObject({
      code: 'UPSTREAM_UNAVAILABLE',
      message: expect.not.stringContaining('refresh-1'),
    })
    expect(onDisk().refresh_token).toBe('refresh-1')
    expect(await token.renew()).toBeUndefined()
    expect(token.current()).toBe('access-2')
  })
})

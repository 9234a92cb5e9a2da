import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { request } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { afterEach, beforeEach, expect, test } from 'vitest'

import { openSimulatedX, type SimulatedX } from './open-simulated-x.ts'

let folder: string
let recordPath: string
let x: SimulatedX

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'simulated-x-'))
  recordPath = join(folder, 'x.jsonl')
  const accounts = ['ada', 'bob'].map((account) => ({ account, bearerToken: `token-${account}` }))
  x = await openSimulatedX({ port: 0, recordPath, accounts, appTokens: ['app'] })
})
afterEach(async () => {
  await x.close()
  rmSync(folder, { recursive: true })
})

async function call(
  path: string,
  {
    method = 'GET',
    token = 'token-ada',
    body,
  }: { method?: string; token?: string; body?: unknown } = {},
): Promise<{ status: number; body: unknown; headers: Headers }> {
  const response = await fetch(`${x.url}${path}`, {
    method,
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
    ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
  })
  return { status: response.status, body: await response.json(), headers: response.headers }
}

const post = (body: unknown, token?: string) =>
  call('/2/tweets', { method: 'POST', body, ...(token === undefined ? {} : { token }) })

const lines = () => readFileSync(recordPath, 'utf8').trim().split('\n')

test('answers a post as X does: 201, t.co in the text, the limit in the headers', async () => {
  const { status, body, headers } = await post({ text: 'a & b example.com' })
  expect(status).toBe(201)
  expect(body).toEqual({
    data: {
      id: expect.stringMatching(/^[0-9]{19}$/u),
      text: expect.stringMatching(/^a &amp; b https:\/\/t\.co\/\w{10}$/u),
      edit_history_tweet_ids: [expect.any(String)],
    },
  })
  expect(headers.get('x-rate-limit-remaining')).toBe('9999')
})

test('gives the fields that are asked for', async () => {
  await post({ text: 'see example.com' })
  const { body } = await call('/2/users/me')
  expect(body).toMatchObject({ data: { username: 'ada' } })
  const [line = ''] = lines()
  const id = /"id":"(\d+)"/u.exec(line)?.[1]
  expect((await call(`/2/tweets/${id}`)).body).not.toHaveProperty('data.created_at')
  expect((await call(`/2/tweets/${id}?tweet.fields=created_at,entities`)).body).toMatchObject({
    data: {
      created_at: expect.stringMatching(/\.000Z$/u),
      entities: {
        urls: [{ start: 4, end: 27, expanded_url: 'http://example.com' }],
      },
    },
  })
})

test('a duplicate gets the words of X, and only in its own account', async () => {
  await post({ text: 'same' })
  expect(await post({ text: 'same' })).toMatchObject({
    status: 403,
    body: {
      detail: 'You are not allowed to create a Tweet with duplicate content.',
      type: 'about:blank',
      title: 'Forbidden',
      status: 403,
    },
  })
  expect(await post({ text: 'same' }, 'token-bob')).toMatchObject({ status: 201 })
  const reply = { text: 'same', reply: { in_reply_to_tweet_id: '5' } }
  expect(await post(reply)).toMatchObject({ status: 201 })
})

test.each([
  [{ text: 'x', unknown_field: 1 }],
  [{ text: 'a'.repeat(281) }],
  [{ text: 'x', media: { media_ids: [] } }],
  [{ text: 'x', media: { media_ids: ['1', '2', '3', '4', '5'] } }],
  [{ text: 'x', media: { media_ids: ['one'] } }],
  [{ text: 'x', made_with_ai: 'yes' }],
  [{}],
  ['{"text":'],
  ['['.repeat(10_000)],
])('a body that X would not take is 400: %#', async (body) => {
  expect(await post(body)).toMatchObject({ status: 400, body: { title: 'Invalid Request' } })
})

test('a body of megabytes gets its answer and a bounded line', async () => {
  expect(await post({ text: 'x'.repeat(2_000_000) })).toMatchObject({ status: 400 })
  expect(lines()[0]?.length).toBeLessThan(70_000)
})

test('nobody and apps may not post; both stand in the record', async () => {
  expect(await post({ text: 'x' }, 'guess')).toMatchObject({ status: 401 })
  expect(await post({ text: 'x' }, 'app')).toMatchObject({
    status: 403,
    body: { title: 'Unsupported Authentication' },
  })
  expect(lines().map((line) => /"outcome":"(\w+)"/u.exec(line)?.[1])).toEqual([
    'refused',
    'refused',
  ])
})

test('a post is deleted by its owner only, and stays so in the next life', async () => {
  await post({ text: 'to be deleted' })
  const id = /"id":"(\d+)"/u.exec(lines()[0] ?? '')?.[1]
  const path = `/2/tweets/${id}`
  expect(await call(path, { method: 'DELETE', token: 'token-bob' })).toMatchObject({ status: 403 })
  expect(await call(path, { method: 'DELETE' })).toMatchObject({
    body: { data: { deleted: true } },
  })
  await x.close()
  x = await openSimulatedX({ port: 0, recordPath })
  expect((await call(path)).body).toMatchObject({ errors: [{ title: 'Not Found Error' }] })
})

test('with no account given, any bearer token is one', async () => {
  await using open = await openSimulatedX({ port: 0, recordPath: join(folder, 'open.jsonl') })
  const response = await fetch(`${open.url}/2/users/me`, {
    headers: { authorization: 'Bearer whatever' },
  })
  expect(await response.json()).toMatchObject({ data: { name: /^token-[0-9a-f]{8}$/u } })
})

test('a line is in the record before its sender hears of it', async () => {
  for (const text of ['one', 'two', 'three']) {
    const { body } = await post({ text })
    expect(body).toMatchObject({ data: { id: expect.toSatisfy((id: string) => isRecorded(id)) } })
  }
})

function isRecorded(id: string): boolean {
  return lines().at(-1)?.includes(`"id":"${id}"`) ?? false
}

test('the control shows what waits and takes it back', async () => {
  const control = (body: unknown) => call('/__control', { method: 'POST', body })
  await control({ fault: 'cut', match: '/^a.c$/', times: 2, duplicate_check: false })
  expect((await call('/__control')).body).toMatchObject({
    faults: [{ fault: 'cut', match: '/^a.c$/', left: 2 }],
    duplicate_check: false,
    timeline_delay_ms: 0,
  })
  expect((await control({ fault: 'none' })).body).toMatchObject({ faults: [] })
  expect(await control({ fault: 'meteor' })).toMatchObject({ status: 400 })
  expect(await control({ fault: 'cut', match: '/(/' })).toMatchObject({ status: 400 })
  expect(await call('/__control', { method: 'PUT', body: {} })).toMatchObject({ status: 405 })
})

test.each([{ origin: 'http://evil.example' }, { host: 'evil.example' }])(
  'a web page cannot reach the control: %j',
  async (headers) => {
    const { promise, resolve, reject } = Promise.withResolvers<number | undefined>()
    const outgoing = request(`${x.url}/__control`, { headers, agent: false }, (response) => {
      response.resume()
      resolve(response.statusCode)
    })
    outgoing.on('error', reject).end()
    expect(await promise).toBe(403)
  },
)

test('closing ends a hung connection', async () => {
  await call('/__control', { method: 'POST', body: { fault: 'hang' } })
  const hung = post({ text: 'hung' })
  await expect.poll(() => lines().length).toBe(1)
  await x.close()
  await expect(hung).rejects.toThrow(/fetch failed/u)
  x = await openSimulatedX({ port: 0, recordPath })
})

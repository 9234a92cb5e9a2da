import { newId } from '@chimera/contracts/ids'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'

import { openGatewayRig, problemIn, type GatewayRig } from '../integration/gateway-rig.ts'

let rig: GatewayRig
beforeAll(async () => {
  rig = await openGatewayRig()
})
afterAll(() => rig[Symbol.asyncDispose]())

const goals = () => rig.database.query({ text: 'SELECT id FROM goals' })

type Case = { what: string; body: string; status: number; code: string; pointer?: string }

const json = (value: unknown): string => JSON.stringify(value)

const cases: readonly Case[] = [
  { what: 'is no JSON', body: '{"text": ', status: 400, code: 'BODY_INVALID', pointer: '' },
  { what: 'is empty', body: '', status: 400, code: 'BODY_INVALID', pointer: '' },
  { what: 'is a list', body: '[]', status: 422, code: 'INPUT_INVALID', pointer: '' },
  { what: 'lacks fields', body: '{}', status: 422, code: 'INPUT_INVALID', pointer: '/text' },
  {
    what: 'has wrong types',
    body: json({ text: 1 }),
    status: 422,
    code: 'INPUT_INVALID',
    pointer: '/text',
  },
  {
    what: 'names another tenant',
    body: json({ text: 'generic: a', tenant: newId() }),
    status: 422,
    code: 'INPUT_INVALID',
    pointer: '/tenant',
  },
  {
    what: 'names a field that nobody knows',
    body: json({ text: 'generic: a', admin: true }),
    status: 422,
    code: 'INPUT_INVALID',
    pointer: '/admin',
  },
  {
    what: 'says everything twice',
    body: '{"text":"generic: a","text":"publish a tweet: b"}',
    status: 400,
    code: 'BODY_INVALID',
    pointer: '/text',
  },
  {
    what: 'reaches for the prototype',
    body: '{"text":"generic: a","__proto__":{"mode":"live"}}',
    status: 400,
    code: 'BODY_INVALID',
    pointer: '/__proto__',
  },
  {
    what: 'holds a NUL',
    body: String.raw`{"text":"generic: a\u0000b"}`,
    status: 422,
    code: 'INPUT_INVALID',
    pointer: '/text',
  },
  {
    what: 'holds a NUL where no text of a goal is',
    body: String.raw`{"text":"generic: a","voice_ref":"\u0000"}`,
    status: 422,
    code: 'INPUT_INVALID',
    pointer: '/voice_ref',
  },
  {
    what: 'holds half of a character',
    body: String.raw`{"text":"generic: \ud83d"}`,
    status: 422,
    code: 'INPUT_INVALID',
    pointer: '/text',
  },
  {
    what: 'is nested a hundred thousand deep',
    body: '['.repeat(100_000),
    status: 400,
    code: 'BODY_INVALID',
  },
  {
    what: 'has 2 MB',
    body: json({ text: 'x'.repeat(2_000_000) }),
    status: 413,
    code: 'BODY_TOO_LARGE',
  },
  {
    what: 'has an id that is a path',
    body: json({ id: '../../etc', text: 'generic: a' }),
    status: 422,
    code: 'INPUT_INVALID',
    pointer: '/id',
  },
  {
    what: 'costs more than there is',
    body: '{"text":"generic: a","max_cost_usd":1e999}',
    status: 422,
    code: 'INPUT_INVALID',
    pointer: '/max_cost_usd',
  },
]

describe('a body that', () => {
  test.each(cases)('$what is refused by the field, and nothing is kept', async (given) => {
    const before = await goals()
    const response = await rig.post('/v1/goals', given.body)
    expect(response.status).toBe(given.status)
    const problem = await problemIn(response)
    expect(problem).toMatchObject({ code: given.code, status: given.status, instance: '/v1/goals' })
    if (given.pointer !== undefined) {
      expect(problem['errors']).toContainEqual(expect.objectContaining({ pointer: given.pointer }))
    }
    expect(await goals()).toEqual(before)
    expect((await rig.ask('/livez')).status).toBe(200)
  })

  test('is of another type, encoding or character set is refused with 415', async () => {
    const types = [
      'text/plain',
      'application/x-www-form-urlencoded',
      'application/json; charset=utf-16',
    ]
    for (const type of [...types, '']) {
      const response = await rig.post('/v1/goals', '{"text":"generic: a"}', {
        'content-type': type,
      })
      expect(await problemIn(response)).toMatchObject({
        status: 415,
        code: 'MEDIA_TYPE_UNSUPPORTED',
      })
    }
    const zipped = await rig.post('/v1/goals', '{}', { 'content-encoding': 'gzip' })
    expect(await problemIn(zipped)).toMatchObject({ status: 415 })
  })

  test('is no UTF-8 is refused', async () => {
    const response = await rig.ask('/v1/goals', {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: Buffer.concat([
        Buffer.from('{"text":"generic: '),
        Buffer.from([0xff]),
        Buffer.from('"}'),
      ]),
    })
    expect(await problemIn(response)).toMatchObject({ status: 400, code: 'BODY_INVALID' })
  })

  test('never ends is cut off at 256 kB', async () => {
    let sent = 0
    const endless = new ReadableStream<Uint8Array>({
      pull: (controller) => {
        sent += 65_536
        controller.enqueue(new Uint8Array(65_536).fill(0x20))
        if (sent > 64 * 1024 * 1024) controller.close()
      },
    })
    const response = await rig
      .ask('/v1/goals', {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: endless,
        duplex: 'half',
      })
      .catch(() => undefined)
    // The server may close before the client has seen the answer.
    if (response !== undefined) expect(response.status).toBe(413)
    expect(sent).toBeLessThan(64 * 1024 * 1024)
  })
})

describe('a path or query that', () => {
  test('names nothing finds nothing, whatever it holds', async () => {
    const strange = ['%00', '%ff', "'%20OR%201=1", '..%2f..', 'a'.repeat(500), '%F0%9F%98%80', '{}']
    for (const id of strange) {
      for (const path of [`/v1/goals/${id}`, `/v1/tasks/${id}`, `/v1/effects/${id}`]) {
        const response = await rig.ask(path)
        expect([path, response.status]).toEqual([path, 404])
        expect(await problemIn(response)).toMatchObject({ retryable: false })
      }
      const cancelled = await rig.post(`/v1/goals/${id}/cancel`, '')
      expect(cancelled.status).toBe(404)
    }
    for (const path of [`/v1/tasks/${newId()}`, `/v1/effects/${newId()}`]) {
      expect((await rig.ask(path)).status).toBe(404)
    }
  })

  test('is not understood is refused by its name', async () => {
    const queries: Record<string, string> = {
      '/v1/goals?limit=0': '/query/limit',
      '/v1/goals?limit=201': '/query/limit',
      '/v1/goals?limit=x': '/query/limit',
      '/v1/goals?status=DONE': '/query/status',
      '/v1/goals?colour=red': '/query/colour',
      '/v1/effects?state=%00': '/query/state',
      '/v1/effects?goal=a%20b': '/query/goal',
    }
    for (const [path, pointer] of Object.entries(queries)) {
      const response = await rig.ask(path)
      expect([path, response.status]).toEqual([path, 422])
      expect((await problemIn(response))['errors']).toMatchObject([{ pointer }])
    }
  })

  test('brings a cursor of its own making is refused', async () => {
    const forged = [
      ['2026-02-30T00:00:00.000000Z', 'x'],
      ['2026-01-01T00:00:00.000000Z', '\u0000'],
      ['9999-01-01', 'x'],
    ].map((place) => Buffer.from(JSON.stringify(place)).toString('base64url'))
    for (const cursor of ['x', '%00', ...forged]) {
      for (const path of ['/v1/goals', '/v1/effects']) {
        const response = await rig.ask(`${path}?cursor=${cursor}`)
        expect(await problemIn(response)).toMatchObject({ status: 400, code: 'CURSOR_INVALID' })
      }
    }
  })
})

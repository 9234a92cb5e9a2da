import { afterEach, beforeEach, expect, test } from 'vitest'

import { openHealth, type Health } from './health.ts'
import { openMetrics } from './metrics.ts'

let health: Health
const metrics = openMetrics()
beforeEach(async () => {
  health = await openHealth({ host: '127.0.0.1', port: 0, registry: metrics.registry })
})
afterEach(() => health[Symbol.asyncDispose]())

const get = async (path: string, method = 'GET') => {
  const answer = await fetch(`${health.url}${path}`, { method })
  return { status: answer.status, headers: answer.headers, body: await answer.text() }
}

test('it lives from the first moment and is ready only when told so', async () => {
  expect((await get('/livez')).status).toBe(200)
  expect((await get('/readyz')).status).toBe(503)
  health.setState('ready')
  expect((await get('/readyz')).status).toBe(200)
  health.setState('draining')
  expect((await get('/readyz')).status).toBe(503)
  expect((await get('/livez')).status).toBe(200)
})

test('a check that throws, or never answers, makes it not ready and is named', async () => {
  health.setState('ready')
  health.addCheck('redis', () => undefined)
  health.addCheck('postgres', () => Promise.reject(new Error('connection refused')))
  health.addCheck('tool', () => new Promise(() => undefined))
  const { status, body } = await get('/readyz')
  expect(status).toBe(503)
  expect(JSON.parse(body)).toEqual({
    state: 'ready',
    checks: { redis: 'ok', postgres: 'connection refused', tool: 'no answer' },
  })
})

test('metrics are in the text format, with what the process costs', async () => {
  metrics.deadLetters.inc({ stream: 'chimera:goals', code: 'ENTRY_MALFORMED' })
  const { body, headers } = await get('/metrics')
  expect(headers.get('content-type')).toContain('text/plain')
  expect(body).toMatch(/process_resident_memory_bytes \d{7,}/)
  expect(body).toContain(
    'chimera_dead_letters_total{stream="chimera:goals",code="ENTRY_MALFORMED"} 1',
  )
})

test('what it does not have is 404, what it does not do is 405 with Allow', async () => {
  expect((await get('/')).status).toBe(404)
  const answer = await get('/livez', 'POST')
  expect([answer.status, answer.headers.get('allow')]).toEqual([405, 'GET, HEAD'])
})

import { expect, test } from 'vitest'

import { openLog } from './log.ts'
import { secretsOf } from './redaction.ts'

const linesOf = (write: (log: ReturnType<typeof openLog>) => void, secrets: string[] = []) => {
  const lines: string[] = []
  const destination = { write: (line: string) => void lines.push(line) }
  write(openLog({ name: 'test', level: 'info', secrets, destination }))
  return lines
}

const JWT = 'eyJhbGciOiJFZERTQSJ9.eyJzdWIiOiJ0ZXN0In0.c2lnbmF0dXJl'
const PLANTED: Record<string, unknown> = {
  'a bearer token in text': 'sent Authorization: Bearer abc.def-123456',
  'a model key': 'key sk-proj-AbCdEf0123456789',
  'a JWT': `grant ${JWT}`,
  'a private JWK as JSON text': '{"kty":"OKP","d":"nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A"}',
  'a private JWK as an object': { d: 'nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A' },
  'a private key': `0x${'ab'.repeat(32)}`,
  'a password in a URL': 'postgres://chimera:s3cr3t-w0rd@127.0.0.1:5432/chimera',
}
const NEVER = /abc\.def|sk-proj|eyJhb|nWGxne|abababab|s3cr3t/

test.each(Object.entries(PLANTED))('%s is censored wherever it stands', (_what, planted) => {
  const [line = ''] = linesOf((log) => {
    log.info({ data: { nested: planted } }, String(planted))
  })
  expect(line).not.toMatch(NEVER)
  expect(JSON.parse(line)).toMatchObject({ name: 'test' })
})

test('secrets inside errors and their causes are censored', () => {
  const error = new Error('failed', { cause: new Error(`with ${JWT}`) })
  const [line = ''] = linesOf((log) => log.error({ err: error }, 'oh'))
  expect(line).not.toMatch(NEVER)
  expect(line).toContain('with [redacted]')
})

test('fields with telling names are censored whole', () => {
  const [line = ''] = linesOf((log) => log.info({ headers: { authorization: 'Basic xyz' } }, 'in'))
  expect(line).toContain('"authorization":"[redacted]"')
})

test('the configured secrets are censored by value, a socket path is not', () => {
  const secrets = secretsOf({ TOOL_TOKEN: 'quote"d-token-1', REDIS_URL: '/run/redis.sock' })
  const [line = ''] = linesOf((log) => log.info('quote"d-token-1 at /run/redis.sock'), secrets)
  expect(JSON.parse(line)).toMatchObject({ msg: '[redacted] at /run/redis.sock' })
})

test('control characters of outside text reach no terminal, and the line stays JSON', () => {
  const outside = 'a\u001B[31mred\u009B2J\u202Egnp.exe\u2028{"level":60}\n\u007F'
  const lines = linesOf((log) => log.info({ outside }, 'got'))
  expect(lines).toHaveLength(1)
  expect(lines[0]?.trimEnd()).not.toMatch(/[\p{Control}\p{Format}\u2028]/u)
  expect(JSON.parse(lines[0] ?? '')).toMatchObject({ outside })
})

test('telling names are found two levels below the top, in lists, errors and children', () => {
  const { log, lines } = openChild()
  log.info({ a: { b: { token: 's3cr3t-a' } }, list: [{ password: 's3cr3t-b' }] }, 'in')
  log.error({ err: Object.assign(new Error('no'), { jwk: { d: 's3cr3t-c' } }) }, 'failed')
  log.error(Object.assign(new Error('no'), { config: { secret: 's3cr3t-d' } }))
  log.child({ cookie: 's3cr3t-e' }).info('from a child')
  expect(lines.join('')).not.toMatch(/s3cr3t/)
  expect(lines.join('').match(/\[redacted\]/g)).toHaveLength(5)
})

test('what is logged is not changed, and what has a form of its own keeps it', () => {
  const { log, lines } = openChild()
  const fields = { at: new Date(0), n: 1, headers: { authorization: 'Basic xyz' }, none: undefined }
  log.info(fields, 'in')
  expect(fields.headers.authorization).toBe('Basic xyz')
  expect(JSON.parse(lines[0] ?? '')).toMatchObject({ at: '1970-01-01T00:00:00.000Z', n: 1 })
})

function openChild() {
  const lines: string[] = []
  const destination = { write: (line: string) => void lines.push(line) }
  return { lines, log: openLog({ name: 'test', level: 'info', destination }) }
}

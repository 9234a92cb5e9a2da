import { appendFileSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { afterEach, beforeEach, expect, test } from 'vitest'

import { openRequestRecord } from './request-record.ts'

let folder: string
let path: string

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'request-record-'))
  path = join(folder, 'simulated', 'x.jsonl')
})
afterEach(() => rmSync(folder, { recursive: true }))

const request = (text: string) =>
  ({
    receivedAtMs: 0,
    account: 'a',
    method: 'POST',
    path: '/2/tweets',
    body: { text },
    outcome: 'accepted',
    status: 201,
    id: '1',
  }) as const

test('a line stands as soon as it is appended, and numbers go on in the next life', () => {
  {
    using record = openRequestRecord(path)
    record.append(request('一'))
    expect(readFileSync(path, 'utf8')).toContain('"n":1,"received_at":"1970-01-01T00:00:00.000Z"')
  }
  using record = openRequestRecord(path)
  expect(record.restored).toMatchObject([{ n: 1, body: { text: '一' } }])
  record.append(request('二'))
  expect(readFileSync(path, 'utf8')).toContain('"n":2')
})

test('a last line torn by a kill is cut off, because nobody was answered', () => {
  {
    using record = openRequestRecord(path)
    record.append(request('whole é'))
  }
  const torn = Buffer.from(JSON.stringify({ n: 2, body: 'é' })).subarray(0, 14)
  appendFileSync(path, torn)
  using record = openRequestRecord(path)
  record.append(request('next'))
  const numbers = readFileSync(path, 'utf8')
    .trim()
    .split('\n')
    .map((line) => /^\{"n":(\d+)/u.exec(line)?.[1])
  expect(numbers).toEqual(['1', '2'])
})

test('a record with a strange line in the middle is not silently read over', () => {
  {
    using record = openRequestRecord(path)
    record.append(request('whole'))
  }
  appendFileSync(path, '{"n":"two"}\n')
  expect(() => openRequestRecord(path)).toThrow(/n/u)
})

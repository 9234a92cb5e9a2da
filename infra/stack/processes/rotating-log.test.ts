import { mkdtempSync, readFileSync, readdirSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'

import { afterEach, beforeEach, expect, test } from 'vitest'

import { openRotatingLog } from './rotating-log.ts'

let folder = ''
beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'rotating-log-'))
})
afterEach(() => rmSync(folder, { recursive: true }))

test('a full log moves aside, and only the newest files stay', () => {
  const file = path.join(folder, 'worker.log')
  const log = openRotatingLog(file, { maxBytes: 100, maxFiles: 3 })
  for (let n = 0; n < 30; n += 1) log.write(Buffer.from(`line ${String(n).padStart(4, '0')} .\n`))
  log.close()
  expect(readdirSync(folder).toSorted()).toEqual(['worker.log', 'worker.log.1', 'worker.log.2'])
  for (const name of readdirSync(folder))
    expect(statSync(path.join(folder, name)).size).toBeLessThanOrEqual(100)
  const kept = ['worker.log.2', 'worker.log.1', 'worker.log']
    .map((name) => readFileSync(path.join(folder, name), 'utf8'))
    .join('')
  expect(kept.endsWith('line 0029 .\n')).toBe(true)
  expect(kept.split('\n').filter((line) => line !== '' && !/^line \d{4} \.$/.test(line))).toEqual(
    [],
  )
})

test('a log is continued, readable by its owner only', () => {
  const file = path.join(folder, 'worker.log')
  for (const text of ['first\n', 'second\n']) {
    const log = openRotatingLog(file)
    log.write(Buffer.from(text))
    log.close()
  }
  expect(readFileSync(file, 'utf8')).toBe('first\nsecond\n')
  expect(statSync(file).mode & 0o777).toBe(0o600)
})

test('the tail joins pieces of a line and keeps the last twenty', () => {
  const log = openRotatingLog(path.join(folder, 'worker.log'))
  for (let n = 0; n < 25; n += 1) log.write(Buffer.from(`${n}\n`))
  log.write(Buffer.from('half'))
  log.write(Buffer.from(' a line\nand the rest'))
  log.close()
  expect(log.tail().slice(-3)).toEqual(['24', 'half a line', 'and the rest'])
  expect(log.tail()).toHaveLength(21)
})

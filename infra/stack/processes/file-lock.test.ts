import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'

import { expect, test } from 'vitest'

import { tryLock } from './file-lock.ts'

const folder = mkdtempSync(path.join(tmpdir(), 'file-lock-'))
const file = path.join(folder, 'lock')

test('one holder at a time; the next when the first lets go', () => {
  const first = tryLock(file)
  expect(first).toBeDefined()
  expect(tryLock(file)).toBeUndefined()
  first?.[Symbol.dispose]()
  const second = tryLock(file)
  expect(second).toBeDefined()
  second?.[Symbol.dispose]()
})

test('the lock of a killed process is free at once', async () => {
  const holder = spawn(process.execPath, [
    '--input-type=module',
    '-e',
    `import { tryLock } from ${JSON.stringify(path.join(import.meta.dirname, 'file-lock.ts'))}
     globalThis.held = tryLock(${JSON.stringify(file)})
     console.log('held')
     setInterval(() => {}, 1000)`,
  ])
  await new Promise((resolve) => {
    holder.stdout.once('data', resolve)
  })
  expect(tryLock(file)).toBeUndefined()
  const ended = new Promise((resolve) => {
    holder.once('exit', resolve)
  })
  holder.kill('SIGKILL')
  await ended
  const lock = tryLock(file)
  expect(lock).toBeDefined()
  lock?.[Symbol.dispose]()
  rmSync(folder, { recursive: true })
})

import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'

import { afterEach, beforeEach, expect, test, vi } from 'vitest'

import {
  openSupervisedProcess,
  type ProcessSpec,
  type SupervisedProcess,
} from './supervised-process.ts'

let folder = ''
const opened: SupervisedProcess[] = []

beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'supervised-'))
})
afterEach(async () => {
  await Promise.all(opened.splice(0).map((one) => one.stop(500)))
  rmSync(folder, { recursive: true })
})

function open(script: string, more: Partial<ProcessSpec> = {}): SupervisedProcess {
  const one = openSupervisedProcess({
    spec: {
      name: 'dummy',
      command: '/bin/sh',
      args: ['-c', script],
      env: { PATH: '/usr/bin:/bin' },
      cwd: folder,
      readiness: { kind: 'log', words: 'I am up' },
      ...more,
    },
    logFile: path.join(folder, 'dummy.log'),
  })
  opened.push(one)
  return one
}

/** As `ps` says it: Z is dead and waits for somebody to ask how, nothing is gone. */
const stateOf = (pid: number): string =>
  spawnSync('ps', ['-o', 'stat=', '-p', String(pid)])
    .stdout.toString()
    .trim()
    .slice(0, 1)

const logText = (): string => readFileSync(path.join(folder, 'dummy.log'), 'utf8')

/** `cat` reads to the end of stdin: it lives as long as its supervisor. */
const steady = 'echo I am up; cat'

test('a process is ready when it says so, and its words are in the log', async () => {
  const one = open(steady)
  await one.ready(5000)
  expect(await one.report()).toMatchObject({ name: 'dummy', state: 'ready', restarts: 0 })
  expect(logText()).toContain('I am up')
})

test('a killed process is back within 200 ms under another pid, and counted', async () => {
  const one = open(steady)
  await one.ready(5000)
  const before = one.pid()
  const killedAt = Date.now()
  process.kill(before ?? 0, 'SIGKILL')
  while (one.pid() === before || (await one.report()).state !== 'ready') await sleep(5)
  expect(Date.now() - killedAt).toBeLessThan(1000)
  expect(await one.report()).toMatchObject({ state: 'ready', restarts: 1 })
  expect(logText()).toContain('SIGKILL; starting again')
})

test('a process that exits by itself is started again, too', async () => {
  const one = open('echo I am up; [ -e seen ] && exec cat; touch seen; exit 0')
  await one.ready(5000)
  while ((await one.report()).restarts === 0) await sleep(5)
  while ((await one.report()).state !== 'ready') await sleep(5)
  expect(await one.report()).toMatchObject({ state: 'ready', restarts: 1 })
})

test('a process that never comes up is told with its last words', async () => {
  const one = open('echo the door is locked >&2; exit 3')
  await expect(one.ready(10_000)).rejects.toThrow(
    /dummy exited with 3, 5 times in a row[^]*the door is locked/,
  )
})

test('a wrong configuration ends the start at the first exit with 78', async () => {
  const one = open('echo DATABASE_URL is not set; exit 78')
  await expect(one.ready(5000)).rejects.toMatchObject({ code: 'CONFIG_INVALID' })
})

test('one that another process holds up does not hold up the start, and says why', async () => {
  const line = '{"err":{"type":"TerminalError","message":"Process 7 has it."}}'
  const held = `echo '${line}'; exit 75`
  const one = open(held, { mayBeHeldUp: true })
  await one.ready(5000)
  expect(await one.report()).toMatchObject({ restarts: 0, heldUpBy: 'Process 7 has it.' })
})

test('one that may not be held up fails when it is', async () => {
  const one = open('echo the door is locked; exit 75')
  await expect(one.ready(10_000)).rejects.toThrow(/dummy exited with 75, 5 times in a row/)
})

test('a program that does not exist is told, not thrown', async () => {
  const one = open('', { command: '/nonexistent/program', args: [] })
  await expect(one.ready(10_000)).rejects.toThrow(/could not be started[^]*ENOENT/)
})

test('the start waits for what clears the way, and tells when that fails', async () => {
  let calls = 0
  const one = open(steady, {
    beforeStart: async () => {
      calls += 1
      if (calls === 1) throw new Error('an orphan is in the way')
      await sleep(1)
    },
  })
  await one.ready(5000)
  expect(calls).toBe(2)
  expect(logText()).toContain('an orphan is in the way')
})

test('a process stops politely, and is not started again', async () => {
  const one = open(
    "trap 'echo good bye; exit 0' TERM; echo I am up; while :; do read -r x || break; done",
  )
  await one.ready(5000)
  await one.stop(5000)
  expect(await one.report()).toMatchObject({ state: 'down', pid: undefined })
  expect(logText()).toContain('good bye')
  expect(logText()).not.toContain('starting again')
})

test('a process that will not stop is killed with its whole group', async () => {
  const one = open("trap '' TERM; sleep 600 & echo I am up $!; wait; while :; do sleep 1; done")
  await one.ready(5000)
  const grandchild = Number(/I am up (\d+)/.exec(logText())?.[1])
  const startedAt = Date.now()
  await one.stop(150)
  expect(Date.now() - startedAt).toBeLessThan(3000)
  await vi.waitFor(() => expect(stateOf(grandchild)).toMatch(/^Z?$/))
})

test('nothing of the outer environment reaches the process', async () => {
  const one = open('env; echo I am up; cat', { env: { PATH: '/usr/bin:/bin', ONLY: 'this' } })
  await one.ready(5000)
  const names = [...logText().matchAll(/^(\w+)=/gm)].map((match) => match[1])
  expect(new Set(names)).toEqual(new Set(['ONLY', 'PATH', 'PWD']))
})

test('a process that falls back into recovery and hangs there is replaced', async () => {
  const one = open(
    '[ -e seen ] && { echo I am up; exec cat; }; touch seen; echo I am up; echo oh no; cat',
    {
      readiness: {
        kind: 'log',
        words: 'I am up',
        recovery: { begins: 'oh no', goesOn: 'elapsed', patienceMs: 200 },
      },
    },
  )
  await one.ready(5000)
  await vi.waitFor(
    async () => expect(await one.report()).toMatchObject({ restarts: 1, state: 'ready' }),
    5000,
  )
  expect(logText()).toContain('is not ready in time')
})

test('what a process says last is told, whoever else holds its output', async () => {
  const words = Array.from({ length: 5 }, (_, n) => `fault ${n}: ${'x'.repeat(1500)}`)
  const one = open(`sleep 5 & ${words.map((line) => `echo ${line}`).join('; ')}; exit 78`)
  const told = await one.ready(5000).catch(String)
  for (const line of words) expect(told).toContain(line)
})

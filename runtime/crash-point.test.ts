import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { CrashLine } from '@chimera/contracts/observable'
import { afterEach, beforeEach, expect, test } from 'vitest'

import { ConfigError } from './config.ts'
import { openCrashPoints } from './crash-point.ts'

let stateDir: string
beforeEach(() => {
  stateDir = mkdtempSync(join(tmpdir(), 'chimera-crash-'))
})
afterEach(() => rmSync(stateDir, { recursive: true }))

const open = (spec: string | undefined, runId: string | undefined = 'run-1') => {
  const deaths: string[] = []
  const crash = openCrashPoints({
    spec,
    stateDir,
    runId,
    process: 'worker-1',
    die: () => void deaths.push('died'),
  })
  return { crash, deaths }
}

const lines = () =>
  readFileSync(join(stateDir, 'crash-points.jsonl'), 'utf8')
    .trimEnd()
    .split('\n')
    .map((line) => CrashLine.parse(JSON.parse(line)))

test('unset, no label does anything', () => {
  const { crash, deaths } = open(undefined)
  crash('worker.task.claimed')
  expect(deaths).toEqual([])
  expect(crash.isArmed).toBe(false)
})

test('only the armed label kills, the first time, and writes who and where', () => {
  const { crash, deaths } = open('worker.task.claimed')
  crash('worker.task.read')
  expect(deaths).toEqual([])
  crash('worker.task.claimed')
  expect(deaths).toEqual(['died'])
  expect(crash.isArmed).toBe(true)
  expect(lines()).toMatchObject([
    { label: 'worker.task.claimed', n: 1, process: 'worker-1', pid: process.pid, run: 'run-1' },
  ])
})

test('with :n the n-th time kills', () => {
  const { crash, deaths } = open('worker.task.claimed:3')
  crash('worker.task.claimed')
  crash('worker.task.claimed')
  expect(deaths).toEqual([])
  crash('worker.task.claimed')
  expect(deaths).toEqual(['died'])
})

test('a restarted process of the run gets past the label, one of another run does not', () => {
  open('worker.task.claimed').crash('worker.task.claimed')
  const again = open('worker.task.claimed')
  again.crash('worker.task.claimed')
  expect(again.deaths).toEqual([])
  const otherRun = open('worker.task.claimed', 'run-2')
  otherRun.crash('worker.task.claimed')
  expect(otherRun.deaths).toEqual(['died'])
})

test.each(['nonsense', 'worker.task.claimed:0', 'worker.task.claimed:x', ''])(
  'the spec "%s" is refused',
  (spec) => {
    expect(() => open(spec)).toThrow(ConfigError)
  },
)

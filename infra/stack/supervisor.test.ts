import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'

import { afterEach, beforeEach, expect, test } from 'vitest'

import type { ProcessSpec } from './processes/supervised-process.ts'
import { openSupervisor, type Supervisor } from './supervisor.ts'

let folder = ''
let supervisor: Supervisor | undefined
beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'supervisor-'))
})
afterEach(async () => {
  await supervisor?.stop(500)
  rmSync(folder, { recursive: true })
})

/** Writes its name when it starts and when it stops. */
function dummy(name: string, onStop = 'exit 0'): ProcessSpec {
  const script = `
    trap 'echo stop ${name} >>order; ${onStop}' TERM
    echo start ${name} >>order; echo up; while :; do read -r x || break; done`
  return {
    name,
    command: '/bin/sh',
    args: ['-c', script],
    env: { PATH: '/usr/bin:/bin' },
    cwd: folder,
    readiness: { kind: 'log', words: 'up' },
  }
}

const order = (): string[] => readFileSync(path.join(folder, 'order'), 'utf8').trim().split('\n')

test('groups stop in the reverse order of their start, each after the one before', async () => {
  supervisor = openSupervisor({
    groups: [[dummy('simulated')], [dummy('tool')], [dummy('role', 'sleep 0.2; exit 0')]],
    logFolder: folder,
  })
  await supervisor.ready(5000)
  expect((await supervisor.report()).map(({ name, state }) => `${name} ${state}`)).toEqual([
    'simulated ready',
    'tool ready',
    'role ready',
  ])
  await supervisor.stop(5000)
  expect(order().slice(3)).toEqual(['stop role', 'stop tool', 'stop simulated'])
  expect((await supervisor.report()).map(({ state }) => state)).toEqual(['down', 'down', 'down'])
})

test('a group that will not stop leaves the others their time', async () => {
  supervisor = openSupervisor({
    groups: [[dummy('tool')], [dummy('role', ':')]],
    logFolder: folder,
  })
  await supervisor.ready(5000)
  const startedAt = Date.now()
  await supervisor.stop(400)
  expect(Date.now() - startedAt).toBeLessThan(2000)
  expect(order()).toContain('stop tool')
})

test('one process that will not come up fails the start of all', async () => {
  const broken = { ...dummy('broken'), args: ['-c', 'echo no key; exit 78'] }
  supervisor = openSupervisor({ groups: [[dummy('tool')], [broken]], logFolder: folder })
  await expect(supervisor.ready(5000)).rejects.toThrow(/broken exited with 78[^]*no key/)
})

import { spawnSync } from 'node:child_process'
import path from 'node:path'

import { expect, test } from 'vitest'

const main = path.join(import.meta.dirname, 'main.ts')
const chimera = (...args: string[]) =>
  spawnSync(process.execPath, [main, ...args], { encoding: 'utf8' })

test('the help names every command on stdout and ends well', () => {
  const { status, stdout, stderr } = chimera('--help')
  expect(status).toBe(0)
  expect(stderr).toBe('')
  for (const name of ['up', 'down', 'status', 'logs', 'doctor', 'goal', 'stop', 'test'])
    expect(stdout).toMatch(new RegExp(`^  ${name} `, 'm'))
})

test('the help of a command shows its own options', () => {
  expect(chimera('up', '--help').stdout).toContain('--detach')
  expect(chimera('help', 'logs').stdout).toContain('--follow')
})

test.each([[['nosuch']], [['up', '--nosuch']], [['logs', '-n', 'many']]])(
  'wrong usage (%j) ends with 2 and says nothing on stdout',
  (args) => {
    const { status, stdout, stderr } = chimera(...args)
    expect(status).toBe(2)
    expect(stdout).toBe('')
    expect(stderr).not.toBe('')
  },
)

test('a reader that goes away is no failure', () => {
  const run = spawnSync('/bin/sh', ['-c', '"$0" "$1" --help | head -1', process.execPath, main], {
    encoding: 'utf8',
  })
  expect(run.stdout).toContain('Usage: chimera')
  expect(run.stderr).toBe('')
})

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'

import { afterAll, describe, expect, it } from 'vitest'

import { CliExit, EXIT } from '../../exit-codes.ts'
import { readGoal } from './read-goal.ts'

const folder = mkdtempSync(path.join(tmpdir(), 'chimera-goal-'))
afterAll(() => rmSync(folder, { recursive: true }))

function file(text: string): string {
  const name = path.join(folder, 'goal.json')
  writeFileSync(name, text)
  return name
}

function exitOf(work: () => unknown): number {
  try {
    work()
  } catch (error) {
    if (error instanceof CliExit) return error.code
    throw error
  }
  return EXIT.ok
}

describe('a goal of the command line', () => {
  it('is in words or in a file, and options win over the file', () => {
    expect(readGoal('hi', { urgency: 5, importance: 1 })).toEqual({
      text: 'hi',
      urgency: 5,
      importance: 1,
    })
    expect(readGoal('hello', { id: 'a', agent: 'b', mode: 'dry' })).toEqual({
      text: 'hello',
      id: 'a',
      agent_id: 'b',
      mode: 'dry',
    })
    const goal = file('{"kind":"tweet.post","params":{"text":"x"},"mode":"paper"}')
    expect(readGoal(undefined, { file: goal, mode: 'dry' })).toEqual({
      kind: 'tweet.post',
      params: { text: 'x' },
      mode: 'dry',
    })
  })

  it('that is none is wrong usage', () => {
    expect(exitOf(() => readGoal(undefined, {}))).toBe(EXIT.usage)
    expect(exitOf(() => readGoal('both', { file: file('{}') }))).toBe(EXIT.usage)
    expect(exitOf(() => readGoal(undefined, { file: path.join(folder, 'gone') }))).toBe(EXIT.usage)
    for (const text of ['', '{', '[]', 'null', '"x"', `"${'x'.repeat(300_000)}"`]) {
      expect(exitOf(() => readGoal(undefined, { file: file(text) }))).toBe(EXIT.usage)
    }
  })
})

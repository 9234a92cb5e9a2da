import { expect, test } from 'vitest'

import { renderLogLine } from './log-line.ts'

test('a line of pino becomes one for a person, with the fields that tell more', () => {
  const line = JSON.stringify({
    level: 40,
    time: '2026-11-21T14:00:01.250Z',
    name: 'worker',
    pid: 7,
    task: 'a1',
    n: 3,
    msg: 'claimed late',
  })
  expect(renderLogLine('worker', line)).toBe(
    '14:00:01.250 worker       WARN  claimed late task=a1 n=3',
  )
})

test('a line of the supervisor has its time in milliseconds', () => {
  const line = '{"level":30,"time":1795269601250,"name":"supervisor","msg":"started"}'
  expect(renderLogLine('judge', line)).toBe('14:00:01.250 judge        info  started')
})

test.each(['a line of a server', '{ not json', '{"level":30}'])(
  '%j is shown all the same',
  (line) => {
    expect(renderLogLine('redis', line)).toContain('redis')
  },
)

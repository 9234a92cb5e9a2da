import { expect, test } from 'vitest'

import { renderKilled } from './killed-report.ts'

const load = (tasksPerSecond: number, lost: number, deaths: number) => ({
  posted: tasksPerSecond * 20,
  done_in_window: tasksPerSecond * 20,
  tasks_per_s: tasksPerSecond,
  lost,
  failed: 0,
  drained_s: 1,
  deaths,
})

test('what is kept is compared round by round, and one lost task is one too many', () => {
  const rounds = [
    { calm: load(1_000, 0, 0), storm: load(900, 0, 4) },
    { calm: load(500, 0, 0), storm: load(350, 1, 4) },
    { calm: load(1_000, 0, 0), storm: load(850, 0, 4) },
  ]
  const lines = renderKilled({ seconds: 20, kill_every_s: 5, fail_share: 0.01, rounds }).join('\n')
  expect(lines).toMatch(/storm \/ calm, tasks a second +0\.85 .*>= 0\.8 +met/)
  expect(lines).toMatch(/tasks without an end +1\.00 tasks +< 1 tasks +NOT MET/)
  expect(lines).toMatch(/tasks that failed +0\.00 tasks +< 1 tasks +met/)
})

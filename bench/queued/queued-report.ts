import { renderTable } from '@chimera/cli/terminal-table'

import { shown } from '../report/figures.ts'
import { type Target, TARGET_HEAD, targetRow } from '../report/targets.ts'
import type { QueuedFound } from './measure-queued.ts'

/** PostgreSQL's buffers count in each of its processes. */
const SERVERS = new Set(['postgres', 'redis'])

export function queuedTargets({ peak_bytes, published, unfinished }: QueuedFound): Target[] {
  const largest = (isServer: boolean): number =>
    Math.max(
      ...Object.entries(peak_bytes)
        .filter(([name]) => SERVERS.has(name) === isServer)
        .map(([, bytes]) => bytes / 1e6),
    )
  const twice = published
    .filter(({ stream }) => stream.startsWith('chimera:tasks:'))
    .reduce((sum, one) => sum + one.twice, 0)
  return [
    { what: 'largest process of ours, peak', found: largest(false), below: 300, unit: 'MB' },
    { what: 'largest process of a server, peak', found: largest(true), below: 300, unit: 'MB' },
    { what: 'tasks published more than once', found: twice, below: 1, unit: 'tasks' },
    { what: 'tasks that were not done', found: unfinished, below: 1, unit: 'tasks' },
  ]
}

export function renderQueued(found: QueuedFound): string[] {
  const { tasks, queued_after_s, held_s, drained_after_s, peak_bytes, published } = found
  return [
    `${tasks} goals of one no-op task each, all planned and ready before a Worker takes one.`,
    `all ready after ${shown(queued_after_s, 's')}, left alone for ${shown(held_s, 's')}, ` +
      `all done ${shown(drained_after_s, 's')} after the Worker went on`,
    '',
    ...renderTable(
      ['process', 'resident at most'],
      Object.entries(peak_bytes)
        .toSorted(([, one], [, other]) => other - one)
        .map(([name, bytes]) => [name, shown(bytes / 1e6, 'MB')]),
    ),
    '',
    ...renderTable(
      ['stream', 'entries', 'tasks or goals', 'with more than one'],
      published
        .filter(({ entries }) => entries > 0)
        .map(({ stream, entries, subjects, twice }) => [stream, entries, subjects, twice]),
    ),
    '',
    ...renderTable(TARGET_HEAD, queuedTargets(found).map(targetRow)),
  ]
}

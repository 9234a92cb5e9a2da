import { Writable } from 'node:stream'

import { openLog } from '@chimera/runtime/log'
import { expect, test } from 'vitest'

import { lastFault } from './last-fault.ts'

/** The lines of a log as every process of ours writes them. */
function linesOf(...faults: readonly Error[]): string[] {
  const lines: string[] = []
  const destination = new Writable({
    write: (chunk: Buffer, _encoding, done) => {
      lines.push(chunk.toString())
      done()
    },
  })
  const log = openLog({ name: 'tweet', level: 'info', destination })
  for (const err of faults) log.fatal({ err }, 'the process could not go on')
  log.info('stopping')
  return lines
}

test('the last error that a process told is found among its lines', () => {
  const [first, last] = [new Error('one'), new Error('Process 7 holds "it".', { cause: 'busy' })]
  const said = lastFault(linesOf(first, last))
  expect(said).toMatch(/^Process 7 holds "it"\./)
})

test('a line that was cut still has its message', () => {
  expect(lastFault(linesOf(new Error('held')).map((line) => line.slice(0, 200)))).toBe('held')
})

test('of a process that told no error nothing is made up', () => {
  expect(lastFault(['out of memory', '{"level":30,"msg":"ready"}'])).toContain('its log')
})

import { RetryableError } from '@chimera/contracts/errors'
import type { WorkStream } from '@chimera/contracts/streams'
import type { Logger } from '@chimera/runtime/log'

import type { DeadLetter } from '../dead-letter.ts'
import type { EntryIds } from './consumer-group.ts'
import type { Patience } from './patience.ts'

/** Ends the stay of entries in their stream. */
export type LetterDesk = Readonly<{
  /**
   * Writes the letters, then acknowledges them and what is done: a crash in between brings the
   * entries again. A letter that cannot be written, for another reason than a database that is
   * away, leaves its entry pending: nothing is dropped silently.
   */
  close: (done: Map<WorkStream, string[]>, letters: readonly DeadLetter[]) => Promise<void>
}>

const MAX_TRIES = 5

export function openLetterDesk(options: {
  onDead: (letters: readonly DeadLetter[]) => Promise<void>
  acknowledge: (done: EntryIds, letters: readonly DeadLetter[]) => Promise<void>
  log: Logger
  patience: Patience
}): LetterDesk {
  const { onDead, log, patience } = options

  /** Answers the letters that have a row now. */
  const write = async (letters: readonly DeadLetter[]): Promise<readonly DeadLetter[]> => {
    for (let tries = 1; letters.length > 0; tries += 1) {
      try {
        await onDead(letters)
        break
      } catch (err) {
        patience.rethrowIfOver(err)
        if (tries === 1) log.warn({ err, letters: letters.length }, 'dead letters have to wait')
        if (!(err instanceof RetryableError)) {
          if (letters.length > 1) return writeEach(letters)
          if (tries >= MAX_TRIES) {
            log.error({ err, entry: letters[0]?.entryId }, 'a dead letter cannot be written')
            return []
          }
        }
        await patience.wait(tries, err)
      }
    }
    return letters
  }

  const writeEach = async (letters: readonly DeadLetter[]): Promise<readonly DeadLetter[]> => {
    const written: DeadLetter[] = []
    for (const letter of letters) written.push(...(await write([letter])))
    return written
  }

  return {
    close: async (done, letters) => {
      const written = await write(letters)
      for (const { stream, entryId, code, reason } of written) {
        addTo(done, stream, entryId)
        log.warn({ stream, entry: entryId, code, reason }, 'an entry is dead')
      }
      await options.acknowledge(done, written)
    },
  }
}

export function addTo(done: Map<WorkStream, string[]>, stream: WorkStream, id: string): void {
  const ids = done.get(stream)
  if (ids === undefined) done.set(stream, [id])
  else ids.push(id)
}

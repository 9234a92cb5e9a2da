import type { Logger } from '@chimera/runtime/log'

import type { InHand } from './hands.ts'

/** A doorbell that rang for a task. */
type Bell = Readonly<{ id: string }>

/** Tasks that wait for their turn to run as the only one of their sort. */
export type Suspects<B extends Bell> = Readonly<{
  add: (bells: readonly B[]) => void
  stop: () => void
}>

/** Beyond it they wait for the Keeper's doorbell. */
const MAX_SUSPECTS = 500

/**
 * Runs suspects one after the other, beside everything else: a task that kills its Worker is
 * counted alone, and those that were beside it by chance are not taken for it.
 */
export function openSuspects<B extends Bell>(of: {
  claim: (bell: B) => Promise<readonly InHand[]>
  log: Logger
}): Suspects<B> {
  const waiting = new Map<string, B>()
  let isRunning = false
  const run = async (): Promise<void> => {
    for (const [id, bell] of waiting) {
      waiting.delete(id)
      try {
        const started = await of.claim(bell)
        await Promise.all(started.map(({ settled }) => settled))
      } catch (err) {
        of.log.warn({ err, task: id }, 'a suspect was not claimed; its doorbell will ring again')
      }
    }
    isRunning = false
  }
  return {
    add(bells) {
      for (const bell of bells) if (waiting.size < MAX_SUSPECTS) waiting.set(bell.id, bell)
      if (isRunning || waiting.size === 0) return
      isRunning = true
      void run()
    },
    stop: () => waiting.clear(),
  }
}

import { ARCHIVE_AFTER_MS, ARCHIVE_BATCH } from './archive.ts'
import type { Ledger } from './ledger.ts'

/** Between two batches while more is due; a day's worth of a busy account takes some hours. */
const NEXT_BATCH_MS = 60_000
/** Otherwise. Nobody waits for it. */
const LOOK_MS = 3_600_000

/**
 * Archives what is settled for good, a small batch at a time, on a slow timer of its own that does
 * not keep the process alive. `mayWrite` is asked before each batch: a closed server is busy with
 * being put right, and its time may be wrong.
 */
export function startArchiving(options: {
  ledger: Ledger
  mayWrite: () => boolean
  log: Readonly<Record<'info' | 'error', (facts: object, message: string) => void>>
}): Disposable & { readonly run: () => number } {
  const { ledger, log } = options
  let timer: NodeJS.Timeout | undefined
  const run = (): number => {
    if (!options.mayWrite()) return 0
    const beforeMs = ledger.now() - ARCHIVE_AFTER_MS
    return ledger.transact(() => ledger.entries.archive(beforeMs, ARCHIVE_BATCH))
  }
  const plan = (ms: number): void => {
    timer = setTimeout(() => {
      plan(again())
    }, ms).unref()
  }
  const again = (): number => {
    try {
      const archived = run()
      if (archived > 0) log.info({ archived }, 'archived entries that are long settled')
      return archived < ARCHIVE_BATCH ? LOOK_MS : NEXT_BATCH_MS
    } catch (err) {
      log.error({ err }, 'nothing could be archived')
      return LOOK_MS
    }
  }
  plan(NEXT_BATCH_MS)
  return { run, [Symbol.dispose]: () => clearTimeout(timer) }
}

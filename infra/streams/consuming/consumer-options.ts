import type { WorkStream } from '@chimera/contracts/streams'
import type { Logger } from '@chimera/runtime/log'
import type { Metrics } from '@chimera/runtime/metrics'

import type { DeadLetter } from '../dead-letter.ts'
import type { Unparsed } from '../parse-entry.ts'
import type { Handle } from './batch-runner.ts'

export type ConsumerOptions<T> = Readonly<{
  /** Of one consumer group. */
  streams: readonly WorkStream[]
  /** Stable through restarts: the next life finds what this one left pending. */
  consumerName: string
  log: Logger
  /** Entries of other consumers are taken over when idle for twice as long. */
  leaseMs: number
  /** Types one entry; what it throws is the reason of a dead letter. Pure. */
  parse: (unparsed: Unparsed) => T
  /**
   * Does the work of a batch and returns when it is committed; entries of several streams may be
   * mixed. May see an entry twice. A RetryableError brings the same batch again after a while, an
   * InvariantError ends the process, any other error halves the batch until the culprit is alone.
   */
  handle: Handle<T>
  /**
   * Writes the rows of what is given up. May see a letter twice: `(stream, entryId, sha256)` is
   * one.
   */
  onDead: (letters: readonly DeadLetter[]) => Promise<void>
  /** 500 by default. */
  maxBatch?: number
  /** How long one read waits for entries; 5 s by default. */
  blockMs?: number
  /** For crash points. */
  hooks?: Readonly<{
    onRead?: (streams: ReadonlySet<WorkStream>) => void
    onAcknowledged?: (streams: ReadonlySet<WorkStream>) => void
  }>
  metrics?: Pick<Metrics, 'batchSize' | 'batchSeconds' | 'deadLetters'>
}>

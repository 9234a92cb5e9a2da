/** A consumer as most are written: the batch is one fate. For negative controls. */
import { setTimeout as sleep } from 'node:timers/promises'

import type { WorkStream } from '@chimera/contracts/streams'
import { openConsumerGroup } from '@chimera/infra/streams/consuming/consumer-group'
import { disconnect, openBlocking } from '@chimera/infra/streams/open-redis'
import {
  isMalformed,
  parseEntry,
  type Entry,
  type Unparsed,
} from '@chimera/infra/streams/parse-entry'
import { openLog } from '@chimera/runtime/log'

const MAX_BATCH = 500
const BLOCK_MS = 100
const TRY_AGAIN_MS = 50

/**
 * Reads what is there, what it could not do before included, parses all, handles all, acknowledges
 * all; whatever goes wrong on the way, all of it comes again. Disposing ends it after its batch.
 */
export function openNaiveConsumer<T>(of: {
  url: string
  stream: WorkStream
  consumerName: string
  parse: (unparsed: Unparsed) => T
  handle: (batch: readonly Entry<T>[]) => Promise<unknown>
}): AsyncDisposable {
  const { url, stream, consumerName, parse } = of
  const log = openLog({ name: 'naive', level: 'silent' })
  const client = openBlocking({ url, name: 'naive', log })
  const group = openConsumerGroup({ client, streams: [stream], consumerName })
  const ending = new AbortController()
  const tryBatch = async (): Promise<void> => {
    const pending = await group.findPending(stream, undefined, MAX_BATCH)
    const batch = [
      ...(await group.claim(stream, pending)),
      ...(await group.read(MAX_BATCH, BLOCK_MS)),
    ]
    if (batch.length === 0) return
    const entries = batch.map(({ raw, deliveries }) => {
      const entry = parseEntry({ stream, raw, deliveries, parse })
      if (isMalformed(entry)) throw new Error(entry.reason)
      return entry
    })
    await of.handle(entries)
    await group.acknowledge(new Map([[stream, batch.map(({ raw }) => raw.id)]]), [])
  }
  const running = (async () => {
    while (!ending.signal.aborted) {
      await tryBatch().catch(() => sleep(TRY_AGAIN_MS))
    }
  })()
  return {
    [Symbol.asyncDispose]: async () => {
      ending.abort()
      await running
      await disconnect(client)
    },
  }
}

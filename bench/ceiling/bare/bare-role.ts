/**
 * One role of the bare pipeline as a process of its own: reads what has arrived, writes it with
 * one function for each move, then publishes and acknowledges in one round trip. It ends with the
 * standard input.
 */
import { Redis } from 'ioredis'
import pg from 'pg'

import { judge, type Move, planner, worker } from './bare-moves.ts'
import { BareSettings, bareStreams } from './bare-settings.ts'
import { entriesIn } from './read-reply.ts'

/** As the product's (`contracts/streams.ts`). */
const MAX_BATCH = 500
const MAX_FEED = 4_000
const MAX_FEED_EVENTS = 25
const BLOCK_MS = 15_000
const GROUP = 'bare'

const settings = BareSettings.parse(JSON.parse(process.argv[2] ?? ''))
const { role, pipeline } = settings
const streams = bareStreams(pipeline)
const open = (): Redis => new Redis(settings.redisUrl, { enableAutoPipelining: false })
const blocking = open()
const commands = open()
const client = new pg.Client({ connectionString: settings.databaseUrl })
await client.connect()

type Duty = { reads: string; writes: string | undefined; move: Move }
const DUTIES: Record<typeof role, () => Duty> = {
  planner: () => ({
    reads: streams.goals,
    writes: streams.tasks,
    move: planner({ client, pipeline }),
  }),
  worker: () => ({
    reads: streams.tasks,
    writes: streams.results,
    move: worker({ client, pipeline }),
  }),
  judge: () => ({ reads: streams.results, writes: undefined, move: judge({ client, pipeline }) }),
}
const { reads, writes, move } = DUTIES[role]()

await commands.xgroup('CREATE', reads, GROUP, '0', 'MKSTREAM')
process.stdin.on('end', () => process.exit(0)).resume()
process.stdout.write('ready\n')

const read = ['GROUP', GROUP, role, 'COUNT', MAX_BATCH, 'BLOCK', BLOCK_MS, 'STREAMS', reads, '>']
for (;;) {
  const entries = entriesIn(await blocking.call('XREADGROUP', ...read))
  if (entries.length === 0) continue
  const moved = await move(entries.map(([, fields]) => fields[1] ?? ''))
  const sent = commands.pipeline()
  if (writes !== undefined) for (const next of moved.next) sent.xadd(writes, '*', 'do', next)
  if (pipeline === 'bare') {
    for (let from = 0; from < moved.feed.length; from += MAX_FEED_EVENTS) {
      const events = moved.feed.slice(from, from + MAX_FEED_EVENTS)
      const lines = events.flatMap((event) => ['event', JSON.stringify(event)])
      sent.xadd(streams.feed, 'MAXLEN', '~', MAX_FEED, '*', ...lines)
    }
  }
  sent.xack(reads, GROUP, ...entries.map(([id]) => id))
  await sent.exec()
}

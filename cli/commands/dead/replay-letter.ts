import { STREAMS, type StreamName } from '@chimera/contracts/streams'
import { getLetter } from '@chimera/infra/database/letters/get-letter'
import type { Letter } from '@chimera/infra/database/letters/letter'
import { markReplayed } from '@chimera/infra/database/letters/mark-replayed'
import { openRedis, unavailable } from '@chimera/infra/streams/open-redis'
import { loadConfig } from '@chimera/runtime/config'
import { openLog } from '@chimera/runtime/log'

import { actorOf } from '../../actor.ts'
import type { CliContext } from '../../context.ts'
import { CliExit, EXIT } from '../../exit-codes.ts'
import { getLocalStack, openRecord } from '../../local-stack.ts'
import { printableJson } from '../../terminal-text.ts'

/**
 * Puts an entry back onto its stream with the very fields that it had; its consumer decides anew.
 * The letter is marked first: a crash in between leaves one that says so, never an entry played
 * twice unnoticed, and `--again` is the way out.
 */
export async function replayLetter(
  id: string,
  options: { again?: boolean; json?: boolean },
  context: CliContext,
): Promise<void> {
  await using record = await openRecord(context)
  const letter = await getLetter(record, id)
  const stream = streamOf(letter)
  const fields = fieldsOf(letter)
  const log = openLog({ name: 'cli', level: 'silent' })
  await using redis = await openRedis({ url: await findRedisUrl(context), name: 'cli', log })
  const marked = await markReplayed(record, { ids: [letter.id], actor: actorOf(context) })
  if (marked.length === 0 && options.again !== true) {
    const at = letter.replayedAt?.toISOString() ?? 'a moment ago'
    throw new CliExit(EXIT.conflict, `It was replayed at ${at}; --again does it once more.`)
  }
  const entryId = await redis.client.xadd(stream, '*', ...fields).catch((cause: unknown) => {
    throw unavailable(cause)
  })
  const done = { id: letter.id, stream, entry_id: entryId }
  context.out(options.json === true ? printableJson(done) : `${letter.id} is ${stream} ${entryId}`)
}

function streamOf({ stream }: Letter): StreamName {
  const known = Object.keys(STREAMS).find((name) => name === stream)
  if (known !== undefined && isStream(known)) return known
  throw new CliExit(EXIT.failed, `The stream ${stream} does not exist any more.`)
}

const isStream = (name: string): name is StreamName => Object.hasOwn(STREAMS, name)

function fieldsOf({ payload, isWhole, bytes }: Letter): string[] {
  if (!isWhole) {
    throw new CliExit(EXIT.failed, `It had ${bytes} bytes; the rest of it was not kept.`)
  }
  const fields: unknown = JSON.parse(payload)
  if (Array.isArray(fields) && fields.every((field) => typeof field === 'string')) return fields
  throw new CliExit(EXIT.failed, 'Its payload is not a list of fields.')
}

async function findRedisUrl(context: CliContext): Promise<string> {
  const { env } = context
  const isGiven = [env['REDIS_URL'], env['REDIS_URL_FILE']].some((one) => (one ?? '') !== '')
  return isGiven ? loadConfig(['redis'], env).REDIS_URL : (await getLocalStack(context)).urls.redis
}

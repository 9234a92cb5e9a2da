import { getLetter } from '@chimera/infra/database/letters/get-letter'
import type { Letter } from '@chimera/infra/database/letters/letter'
import { listLetters } from '@chimera/infra/database/letters/list-letters'

import type { CliContext } from '../../context.ts'
import { openRecord } from '../../local-stack.ts'
import { renderFields, renderTable } from '../../terminal-table.ts'
import { printableJson } from '../../terminal-text.ts'

/** Dead letters, newest first. */
export async function listDead(
  options: { all?: boolean; limit: number; json?: boolean },
  context: CliContext,
): Promise<void> {
  await using record = await openRecord(context)
  const { limit } = options
  const letters = await listLetters(record, { onlyOpen: options.all !== true, limit })
  if (options.json === true) return context.out(printableJson(letters.map(letterJson)))
  if (letters.length === 0) return context.out('No dead letters.')
  const rows = letters.map((letter) => [
    letter.id,
    letter.stream,
    letter.code,
    letter.createdAt.toISOString(),
    letter.replayedAt?.toISOString() ?? '',
    letter.reason,
  ])
  const head = ['id', 'stream', 'code', 'dead since', 'replayed', 'reason']
  for (const line of renderTable(head, rows)) context.out(line)
}

/** One dead letter with what it held. */
export async function showDead(
  id: string,
  options: { json?: boolean },
  context: CliContext,
): Promise<void> {
  await using record = await openRecord(context)
  const letter = await getLetter(record, id)
  if (options.json === true) return context.out(printableJson(letterJson(letter)))
  const lines = renderFields({
    letter: letter.id,
    stream: letter.stream,
    entry: letter.entryId,
    code: letter.code,
    reason: letter.reason,
    'dead since': letter.createdAt.toISOString(),
    replayed: letter.replayedAt?.toISOString(),
    tenant: letter.tenant,
    bytes: letter.isWhole ? letter.bytes : `${letter.bytes}, of which the first are kept`,
    sha256: letter.sha256,
    history: letter.history.length === 0 ? null : JSON.stringify(letter.history),
    payload: letter.payload,
  })
  for (const line of lines) context.out(line)
}

/** A letter with the names that everything on the wire has. */
function letterJson(letter: Letter): Record<string, unknown> {
  return {
    id: letter.id,
    tenant: letter.tenant,
    stream: letter.stream,
    entry_id: letter.entryId,
    code: letter.code,
    reason: letter.reason,
    payload: letter.payload,
    whole: letter.isWhole,
    bytes: letter.bytes,
    sha256: letter.sha256,
    history: letter.history,
    created_at: letter.createdAt.toISOString(),
    replayed_at: letter.replayedAt?.toISOString() ?? null,
  }
}

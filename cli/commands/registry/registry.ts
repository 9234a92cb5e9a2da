import { RegistryView } from '@chimera/contracts/judging/registry'
import { z } from 'zod'

import type { CliContext } from '../../context.ts'
import { openGatewayClient } from '../../gateway-client.ts'
import { renderTable } from '../../terminal-table.ts'
import { plain, printableJson } from '../../terminal-text.ts'

export type ListOptions = Readonly<{ kind?: string; all?: boolean; json?: boolean }>
export type AddOptions = Readonly<{ note: string; json?: boolean }>
export type RemoveOptions = Readonly<{ reason: string; json?: boolean }>

/** Rows of the address book. */
export async function listEntries(options: ListOptions, context: CliContext): Promise<void> {
  const client = await openGatewayClient(context)
  const query = { kind: options.kind, all: options.all === true ? 'true' : undefined }
  const answer = await client.get('/v1/registry', query)
  const { entries } = z.object({ entries: z.array(RegistryView) }).parse(answer)
  if (options.json === true) return context.out(printableJson(entries))
  const rows = entries.map((entry) => [
    entry.kind,
    entry.name,
    entry.version,
    typeof entry.value === 'string' ? entry.value : JSON.stringify(entry.value),
    entry.removed_at ?? '',
    entry.added_by,
    entry.note,
  ])
  const head = ['kind', 'name', 'version', 'value', 'removed', 'by', 'note']
  for (const line of renderTable(head, rows)) context.out(line)
}

/** Adds a row. What looks like a JSON object is one; everything else is text. */
export async function addEntry(
  of: { kind: string; name: string; value: string },
  options: AddOptions,
  context: CliContext,
): Promise<void> {
  const client = await openGatewayClient(context)
  const body = { ...of, value: valueOf(of.value), note: options.note }
  const added = RegistryView.parse(await client.post('/v1/registry', body))
  if (options.json === true) return context.out(printableJson(added))
  context.out(plain(`${added.kind} ${added.name} is there, version ${added.version}.`))
}

/** Removes a row. */
export async function removeEntry(
  of: { kind: string; name: string },
  options: RemoveOptions,
  context: CliContext,
): Promise<void> {
  const client = await openGatewayClient(context)
  const body = { ...of, reason: options.reason }
  const removed = RegistryView.parse(await client.post('/v1/registry/remove', body))
  if (options.json === true) return context.out(printableJson(removed))
  context.out(plain(`${removed.kind} ${removed.name} is removed, version ${removed.version}.`))
}

function valueOf(text: string): unknown {
  if (!text.trimStart().startsWith('{')) return text
  try {
    return JSON.parse(text)
  } catch {
    return text
  }
}

import { readFileSync, statSync } from 'node:fs'
import { basename } from 'node:path'

import { TerminalError } from '@chimera/contracts/errors'
import { MAX_PERSONA_BYTES, PersonaView } from '@chimera/contracts/judging/persona'
import { parseSoul } from '@chimera/infra/personas/parse-soul'
import { z } from 'zod'

import type { CliContext } from '../../context.ts'
import { openGatewayClient } from '../../gateway-client.ts'
import { renderFields, renderTable } from '../../terminal-table.ts'
import { plain, printableJson } from '../../terminal-text.ts'

type Json = Readonly<{ json?: boolean }>

/** Personas as they are pinned now. */
export async function listPinned(options: Json, context: CliContext): Promise<void> {
  const client = await openGatewayClient(context)
  const answer = await client.get('/v1/personas')
  const { personas } = z.object({ personas: z.array(PersonaView) }).parse(answer)
  if (options.json === true) return context.out(printableJson(personas))
  const rows = personas.map((one) => [
    one.name,
    one.version,
    one.front.name,
    one.sha256.slice(0, 12),
    one.pinned_at,
    one.pinned_by,
  ])
  const head = ['persona', 'version', 'called', 'sha256', 'pinned', 'by']
  for (const line of renderTable(head, rows)) context.out(line)
}

/** One persona, every version, newest first. */
export async function showPinned(name: string, options: Json, context: CliContext): Promise<void> {
  const client = await openGatewayClient(context)
  const answer = await client.get(`/v1/personas/${encodeURIComponent(name)}`)
  const { versions } = z.object({ versions: z.array(PersonaView) }).parse(answer)
  if (options.json === true) return context.out(printableJson(versions))
  const [newest] = versions
  if (newest === undefined) return
  const { front } = newest
  const lines = renderFields({
    persona: newest.name,
    version: `${newest.version} of ${versions.length}`,
    sha256: newest.sha256,
    pinned: `${newest.pinned_at} by ${newest.pinned_by}`,
    called: front.name,
    voice: front.voice_traits.join(', '),
    directives: front.directives.join(' | '),
    forbidden: front.forbidden_topics.join(', '),
    sensitive: front.sensitive_topics.join(', '),
  })
  for (const line of lines) context.out(line)
  for (const line of newest.body.split('\n')) context.out(plain(line))
}

/** Checks a file. Throws PERSONA_INVALID with every fault. */
export function lintFile(file: string, options: Json, context: CliContext): void {
  const { persona, sha256 } = parseSoul(readSoul(file))
  if (options.json === true) return context.out(printableJson({ valid: true, sha256, ...persona }))
  context.out(plain(`${file} is a valid persona: ${persona.front.name}, ${sha256}.`))
}

/** Pins a file under a name. */
export async function pinFile(
  file: string,
  options: Json & Readonly<{ as?: string }>,
  context: CliContext,
): Promise<void> {
  const content = readSoul(file)
  // The gateway reads it again; a fault is told without one that runs, too.
  parseSoul(content)
  const client = await openGatewayClient(context)
  const body = { name: options.as ?? basename(file), content }
  const pinned = PersonaView.parse(await client.post('/v1/personas', body))
  if (options.json === true) return context.out(printableJson(pinned))
  context.out(plain(`${pinned.name} version ${pinned.version} holds now (${pinned.sha256}).`))
}

function readSoul(file: string): string {
  const size = statSync(file, { throwIfNoEntry: false })?.size
  if (size === undefined) throw new TerminalError('PERSONA_NOT_FOUND', `There is no file ${file}.`)
  if (size > MAX_PERSONA_BYTES) {
    const message = `${file} is longer than ${MAX_PERSONA_BYTES} bytes.`
    throw new TerminalError('PERSONA_INVALID', message)
  }
  return readFileSync(file, 'utf8')
}

import { mkdir } from 'node:fs/promises'
import path from 'node:path'

import { ToolClientName, type ToolClient } from '@chimera/contracts/tool-clients'
import { SCOPES, TOOLS } from '@chimera/contracts/tools'
import {
  createToolClient,
  listToolClients,
  revokeToolClient,
} from '@chimera/infra/stack/keys/tool-clients'
import { findStateDir, stateDirPaths } from '@chimera/infra/stack/state-dir'

import type { CliContext } from '../../context.ts'
import { CliExit, EXIT } from '../../exit-codes.ts'
import { renderTable } from '../../terminal-table.ts'
import { plain, printableJson } from '../../terminal-text.ts'

export type ClientTokenOptions = Readonly<{
  scope: readonly string[]
  server?: readonly string[]
  expires: Date
  json?: boolean
}>

/**
 * Makes the token of an MCP client and prints it, this once; everything else about it goes to
 * stderr. Running tool servers know it at once.
 */
export async function create(
  name: string,
  options: ClientTokenOptions,
  context: CliContext,
): Promise<void> {
  if (!ToolClientName.safeParse(name).success) {
    throw new CliExit(EXIT.usage, 'A name has 1 to 64 letters, digits, dots or dashes.')
  }
  const unknown = options.scope.filter((scope) => !SCOPES.some((known) => known === scope))
  if (unknown.length > 0) {
    const message = `No scope ${plain(unknown.join(', '))}; there are ${SCOPES.join(', ')}.`
    throw new CliExit(EXIT.usage, message)
  }
  const file = fileOf(context)
  await mkdir(path.dirname(file), { recursive: true, mode: 0o700 })
  const scopes = [...new Set(options.scope)]
  const { client, secret } = await createToolClient(file, {
    name,
    servers: [...(options.server ?? serversOf(scopes))],
    scopes,
    expiresAt: options.expires,
  })
  if (options.json === true) return context.out(printableJson({ ...shown(client), secret }))
  const until = client.expires_at
  context.err(`Token ${name} (${client.id}), until ${until}; it is not shown again:`)
  context.out(secret)
}

/** All tokens, newest first, the expired ones too; never a secret, nor its hash. */
export async function list(options: { json?: boolean }, context: CliContext): Promise<void> {
  const clients = await listToolClients(fileOf(context))
  if (options.json === true) return context.out(printableJson(clients.map(shown)))
  const rows = clients.map((client) => [
    client.id,
    client.name,
    client.servers.join(' '),
    client.scopes.join(' '),
    `${Date.parse(client.expires_at) > Date.now() ? 'until' : 'expired'} ${client.expires_at}`,
  ])
  const head = ['id', 'name', 'servers', 'scopes', 'state']
  for (const line of renderTable(head, rows)) context.out(line)
}

/** Revokes by id, or everything of a name: the next request is refused. */
export async function revoke(
  idOrName: string,
  options: { json?: boolean },
  context: CliContext,
): Promise<void> {
  const ids = await revokeToolClient(fileOf(context), idOrName)
  if (ids.length === 0) throw new CliExit(EXIT.notFound, `No token ${plain(idOrName)} is there.`)
  context.out(options.json === true ? printableJson({ revoked: ids }) : ids.join('\n'))
}

function fileOf({ env }: CliContext): string {
  return stateDirPaths(findStateDir(env)).keyFiles.toolClients
}

/** The servers whose tools ask for these scopes: what the token is for when nobody says. */
function serversOf(scopes: readonly string[]): string[] {
  const families = new Set(scopes.map((scope) => scope.split(':', 1)[0]))
  const servers = Object.values(TOOLS)
    .filter(({ scope }) => families.has(scope.split(':', 1)[0]))
    .map(({ server }): string => server)
  return [...new Set([...servers, ...(families.has('swarm') ? ['swarm'] : [])])]
}

function shown({ hash: _hash, ...client }: ToolClient): Omit<ToolClient, 'hash'> {
  return client
}

import { AgentId, DEFAULT_TENANT, Uuid } from '@chimera/contracts/ids'
import type { FenceReport } from '@chimera/contracts/tenancy/fence-report'
import { Role } from '@chimera/contracts/tenancy/roles'
import type { Fence } from '@chimera/infra/database/fences/fence'
import type { Database } from '@chimera/infra/database/open-database'
import { createToken } from '@chimera/infra/database/tokens/create-token'
import { listTokens } from '@chimera/infra/database/tokens/list-tokens'
import { revokeToken } from '@chimera/infra/database/tokens/revoke-token'
import type { Token } from '@chimera/infra/database/tokens/token'
import { findStateDir, stateDirPaths } from '@chimera/infra/stack/state-dir'
import { bringFence } from '@chimera/infra/tools/bring-fence'
import { openToolControl } from '@chimera/infra/tools/tool-control'

import { actorOf } from '../../actor.ts'
import type { CliContext } from '../../context.ts'
import { CliExit, EXIT } from '../../exit-codes.ts'
import { failWhenUnreached, renderFence } from '../../fence-report.ts'
import { openRecord, readSecretFile } from '../../local-stack.ts'
import { renderTable } from '../../terminal-table.ts'
import { plain, printableJson } from '../../terminal-text.ts'

/** Whoever revokes waits for it. */
const FENCED_WITHIN_MS = 1_500

export type CreateOptions = Readonly<{
  readOnly?: boolean
  role?: readonly string[]
  user?: string
  tenant?: string
  days?: number
  json?: boolean
}>

/** Makes a token and prints it, this once; everything else about it goes to stderr. */
export async function create(
  name: string,
  options: CreateOptions,
  context: CliContext,
): Promise<void> {
  if (!AgentId.safeParse(name).success) {
    throw new CliExit(EXIT.usage, 'A name has 1 to 128 letters, digits, dots, colons or dashes.')
  }
  const roles = rolesOf(options)
  const tenantId = tenantOf(options)
  await using record = await openRecord(context)
  const { token, secret } = await createToken(record, {
    tenantId,
    name,
    scopes: roles.length > 0 ? [] : options.readOnly === true ? ['read'] : ['read', 'write'],
    roles,
    userId: options.user,
    validDays: options.days,
    actor: actorOf(context),
  })
  if (options.json === true) return context.out(printableJson({ ...tokenJson(token), secret }))
  context.err(`Token ${token.name} (${token.id}); it is not shown again:`)
  context.out(secret)
}

/** All tokens, the revoked ones too; never a secret. */
export async function list(
  options: { tenant?: string; json?: boolean },
  context: CliContext,
): Promise<void> {
  await using record = await openRecord(context)
  const tokens = await listTokens(record, { tenantId: tenantOf(options) })
  if (options.json === true) return context.out(printableJson(tokens.map(tokenJson)))
  const rows = tokens.map((token) => [
    token.id,
    token.name,
    [...token.scopes, ...token.roles].join(' '),
    token.userId,
    stateOf(token),
    token.createdAt.toISOString(),
    token.lastUsedAt?.toISOString() ?? 'never',
  ])
  const head = ['id', 'name', 'may', 'user', 'state', 'made', 'used']
  for (const line of renderTable(head, rows)) context.out(line)
}

/**
 * Revokes by id, or everything of a name. Exit 1 when grants rest on a word that was given with one
 * and a tool server was not told: the Keeper tells it.
 */
export async function revoke(
  idOrName: string,
  options: { tenant?: string; json?: boolean },
  context: CliContext,
): Promise<void> {
  await using record = await openRecord(context)
  const { ids, fence } = await revokeToken(record, {
    tenantId: tenantOf(options),
    idOrName,
    actor: actorOf(context),
  })
  if (ids.length === 0) {
    throw new CliExit(EXIT.notFound, `No token ${plain(idOrName)} is valid.`)
  }
  const told = fence === undefined ? undefined : await tellServers(record, fence, context)
  if (options.json === true) {
    context.out(
      printableJson(told === undefined ? { revoked: ids } : { revoked: ids, fence: told }),
    )
  } else {
    for (const line of [...ids, ...(told === undefined ? [] : renderFence(told))]) context.out(line)
  }
  if (told !== undefined) failWhenUnreached(told.tools)
}

/** No gateway is asked: a token can be revoked without one. */
async function tellServers(
  database: Database,
  fence: Fence,
  context: CliContext,
): Promise<FenceReport> {
  const { controlToken } = stateDirPaths(findStateDir(context.env)).keyFiles
  // Without it no server takes the fence from here, and the answer says so of each.
  const token = await readSecretFile(controlToken).catch(() => '')
  const openControl = ({ url }: { url: string }) => openToolControl({ url, token })
  return bringFence({ database, openControl, fence, withinMs: FENCED_WITHIN_MS })
}

/** The tenant that is meant; the machine's own when none is named. */
function tenantOf({ tenant }: { tenant?: string }): string {
  if (tenant === undefined) return DEFAULT_TENANT
  const id = Uuid.safeParse(tenant)
  if (id.success) return id.data
  throw new CliExit(EXIT.usage, 'The id of a tenant is a UUID; `chimera tenant ls` shows them.')
}

function rolesOf({ role = [], user, readOnly }: CreateOptions): Role[] {
  const roles = role.map((name) => {
    const parsed = Role.safeParse(name)
    if (parsed.success) return parsed.data
    throw new CliExit(EXIT.usage, `There is no role ${plain(name)}: ${Role.options.join(', ')}.`)
  })
  if (user !== undefined && roles.length === 0) {
    throw new CliExit(EXIT.usage, 'A token of a user needs its roles: --role viewer,approver')
  }
  if (readOnly === true && roles.length > 0) {
    throw new CliExit(EXIT.usage, 'Either --read-only or --role, please: viewer may only look.')
  }
  return roles
}

function stateOf({ revokedAt, expiresAt }: Token): string {
  if (revokedAt !== null) return 'revoked'
  if (expiresAt === null) return 'valid'
  return `${expiresAt.getTime() > Date.now() ? 'until' : 'expired'} ${expiresAt.toISOString()}`
}

function tokenJson(token: Token): Record<string, unknown> {
  return {
    id: token.id,
    name: token.name,
    scopes: token.scopes,
    roles: token.roles,
    user_id: token.userId,
    created_at: token.createdAt.toISOString(),
    expires_at: token.expiresAt?.toISOString() ?? null,
    last_used_at: token.lastUsedAt?.toISOString() ?? null,
    revoked_at: token.revokedAt?.toISOString() ?? null,
  }
}

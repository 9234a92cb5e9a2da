import { InvariantError } from '@chimera/contracts/errors'
import { FenceReport } from '@chimera/contracts/tenancy/fence-report'
import { AgentView, CampaignView, TenantView, UserView } from '@chimera/contracts/tenancy/members'
import type { z } from 'zod'

import type { CliContext } from '../../context.ts'
import { failWhenUnreached, renderFence } from '../../fence-report.ts'
import { openGatewayClient } from '../../gateway-client.ts'
import { readPages } from '../../read-pages.ts'
import { renderFields, renderTable } from '../../terminal-table.ts'
import { printableJson } from '../../terminal-text.ts'

/** What is sent; fields that nobody gave are left to their defaults. */
export type PutOptions = Readonly<Record<string, string | readonly string[] | undefined>>

/** Comes with a user whose word counts no more. */
const Fenced = FenceReport.optional()

type Kind = { path: string; field: string; view: z.ZodObject }

const KINDS: Readonly<Record<string, Kind>> = {
  tenant: { path: '/v1/tenants', field: 'tenants', view: TenantView },
  user: { path: '/v1/users', field: 'users', view: UserView },
  agent: { path: '/v1/agents', field: 'agents', view: AgentView },
  campaign: { path: '/v1/campaigns', field: 'campaigns', view: CampaignView },
}

/** The gateway's pages are read until the end; nobody keeps more by hand. */
const MAX_LISTED = 10_000

/** Makes a tenant, user, agent or campaign, or changes the one with its id. */
export async function putMember(
  kind: string,
  body: PutOptions,
  options: { json?: boolean },
  context: CliContext,
): Promise<void> {
  const { path, view } = kindOf(kind)
  const client = await openGatewayClient(context)
  const put = view.extend({ fence: Fenced }).parse(await client.post(path, body))
  const { fence: told, ...made } = put
  const fence = Fenced.parse(told)
  if (options.json === true)
    context.out(printableJson(fence === undefined ? made : { ...made, fence }))
  else {
    for (const line of renderFields(cellsOf(made))) context.out(line)
    for (const line of fence === undefined ? [] : renderFence(fence)) context.out(line)
  }
  failWhenUnreached(fence?.tools ?? [])
}

/** Lists them by id. */
export async function listMembers(
  kind: string,
  options: { json?: boolean },
  context: CliContext,
): Promise<void> {
  const { path, field, view } = kindOf(kind)
  const client = await openGatewayClient(context)
  const parse = (item: unknown) => view.parse(item)
  const items = await readPages({ client, path, field, query: {}, limit: MAX_LISTED, parse })
  if (options.json === true) return context.out(printableJson(items))
  const head = Object.keys(view.shape).filter((name) => name !== 'version_id')
  const rows = items.map((item) => {
    const cells = cellsOf(item)
    return head.map((name) => cells[name])
  })
  for (const line of renderTable(head, rows)) context.out(line)
}

function kindOf(kind: string): Kind {
  const found = KINDS[kind]
  if (found === undefined) throw new InvariantError(`There is no kind ${kind}.`)
  return found
}

const cellsOf = (item: Record<string, unknown>): Record<string, string | null> =>
  Object.fromEntries(
    Object.entries(item)
      .filter(([name]) => name !== 'version_id')
      .map(([name, value]) => [name, cellOf(value)]),
  )

function cellOf(value: unknown): string | null {
  if (typeof value === 'string') return value
  return Array.isArray(value) ? value.join(' ') : null
}

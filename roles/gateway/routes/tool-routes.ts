import { TerminalError } from '@chimera/contracts/errors'
import { findAdoption } from '@chimera/infra/database/adoptions/find-adoption'
import { requestAdoption } from '@chimera/infra/database/adoptions/request-adoption'
import type { Database } from '@chimera/infra/database/open-database'
import { listAccounts, type ToolAccount } from '@chimera/infra/database/tools/list-accounts'

import { noted, type Doorbell } from '../goals/doorbell.ts'
import type { GatewayContext } from '../http/context.ts'
import type { Route } from './route.ts'

type Deps = Readonly<{ database: Database; doorbell: Doorbell }>

/** Tool servers as the record knows them, and the adoption of a ledger that was lost. */
export function toolRoutes(deps: Deps): Route[] {
  return [
    { method: 'GET', path: '/v1/tools', needs: 'read', handle: (c) => list(c, deps) },
    { method: 'GET', path: '/v1/tools/:account', needs: 'read', handle: (c) => show(c, deps) },
    {
      method: 'POST',
      path: '/v1/tools/:account/adopt',
      needs: 'admin',
      handle: (c) => adopt(c, deps),
    },
  ]
}

async function list(c: GatewayContext, { database }: Deps): Promise<Response> {
  const accounts = await listAccounts(database)
  return c.json({ tools: accounts.map(viewOf) })
}

async function show(c: GatewayContext, { database }: Deps): Promise<Response> {
  const name = c.req.param('account') ?? ''
  const accounts = await listAccounts(database)
  const found = accounts.find(({ account }) => account === name)
  if (found === undefined) throw noAccount(name)
  const adoption = await findAdoption(database, found.account)
  return c.json({ ...viewOf(found), ...(adoption === undefined ? {} : { adoption }) })
}

async function adopt(c: GatewayContext, { database, doorbell }: Deps): Promise<Response> {
  const account = c.req.param('account') ?? ''
  const { tenantId, tokenId } = c.get('principal')
  const requested = await requestAdoption(database, {
    account,
    tenantId,
    actor: `token:${tokenId}`,
  })
  if (requested === undefined) throw noAccount(account)
  const { adoption, audit } = requested
  const payload = { look_at: 'adoption', id: adoption.id }
  doorbell.ring([{ stream: 'chimera:results', tenant: tenantId, payload }], noted(audit))
  return c.json({ account, adoption }, 202)
}

const viewOf = ({ account, server, backend, live, state, reason, seenAt }: ToolAccount) => ({
  account,
  name: server,
  backend,
  live,
  state,
  reason,
  seen_at: seenAt?.toISOString() ?? null,
})

const noAccount = (account: string): TerminalError =>
  new TerminalError(
    'ROUTE_NOT_FOUND',
    `No tool server acts for ${JSON.stringify(account.slice(0, 128))}.`,
  )

import { TerminalError } from '@chimera/contracts/errors'
import { Uuid } from '@chimera/contracts/ids'
import type { Database } from '@chimera/infra/database/open-database'
import { requestSettlement } from '@chimera/infra/database/settlements/request-settlement'
import { z } from 'zod'

import { noted, type Doorbell } from '../goals/doorbell.ts'
import type { GatewayContext } from '../http/context.ts'
import { parseInput } from '../http/faults.ts'
import { readJson } from '../http/read-json.ts'
import type { Route } from './route.ts'

type Deps = Readonly<{ database: Database; doorbell: Doorbell }>

/** What people say of effects that no provider could tell of. */
export function settleRoutes(deps: Deps): Route[] {
  const path = '/v1/effects/:id/settle'
  return [{ method: 'POST', path, needs: 'approve', handle: (c) => settle(c, deps) }]
}

const Reason = z.string().trim().min(1).max(1000)
/** One word of the provider: no blanks, no control characters. */
const Reference = z.string().regex(/^[\x21-\x7E]{1,256}$/, 'is no reference of a provider')

const Body = z.discriminatedUnion('outcome', [
  z.strictObject({
    outcome: z.literal('happened'),
    provider_ref: Reference,
    reason: Reason,
  }),
  z.strictObject({ outcome: z.literal('did_not_happen'), reason: Reason }),
])

/** The id of a row or a grant, or an effect key. */
const EffectId = z.union([Uuid, z.string().regex(/^[0-9a-f]{64}$/)])

async function settle(c: GatewayContext, { database, doorbell }: Deps): Promise<Response> {
  const given = c.req.param('id') ?? ''
  const reference = EffectId.safeParse(given)
  if (!reference.success) {
    const quoted = JSON.stringify(given.slice(0, 128))
    throw new TerminalError('EFFECT_NOT_FOUND', `There is no effect ${quoted}.`)
  }
  const body = parseInput(Body, await readJson(c.req.raw), { what: 'The settlement' })
  const { tenantId, tokenId } = c.get('principal')
  const { effectId, settlement, also, audit } = await requestSettlement(database, {
    tenantId,
    reference: reference.data,
    outcome: body.outcome,
    providerRef: body.outcome === 'happened' ? body.provider_ref : null,
    reason: body.reason,
    actor: `token:${tokenId}`,
  })
  const rings = [settlement.id, ...also].map((id) => ({
    stream: 'chimera:results' as const,
    tenant: tenantId,
    payload: { look_at: 'settlement', id },
  }))
  doorbell.ring(rings, noted(audit))
  return c.json({ effect_id: effectId, settlement }, 202)
}

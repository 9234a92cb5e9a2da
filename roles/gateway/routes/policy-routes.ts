import { TokenCode } from '@chimera/contracts/budget/token-code'
import { USD_MICROS } from '@chimera/contracts/money'
import { PolicyAction } from '@chimera/contracts/policy/policy-document'
import { canonicalDollars } from '@chimera/domain/policy/canonical-values'
import { listPolicies } from '@chimera/infra/database/policies/find-policy'
import { readPrices, setPrice } from '@chimera/infra/database/policies/prices'
import type { Logger } from '@chimera/runtime/log'
import { z } from 'zod'

import { noted, type Doorbell } from '../goals/doorbell.ts'
import type { GatewayContext } from '../http/context.ts'
import { parseInput } from '../http/faults.ts'
import { parseQuery } from '../http/page.ts'
import { readJson } from '../http/read-json.ts'
import { applyAndFence } from '../policy/apply-and-fence.ts'
import {
  diff,
  DiffBody,
  evaluate,
  EvaluateBody,
  explain,
  ExplainBody,
  lint,
  LintBody,
  simulate,
  SimulateBody,
} from '../policy/ask-policy.ts'
import { checkPolicy, showPolicy, type ShownPolicy } from '../policy/policy-in-force.ts'
import type { StopDeps } from '../stops/stop.ts'
import type { Route } from './route.ts'

type Deps = StopDeps & Readonly<{ doorbell: Doorbell; log: Logger }>

/** The policy of the token's tenant: to be looked at, asked, tried and replaced. */
export function policyRoutes(deps: Deps): Route[] {
  const { database: sql } = deps
  const asking = <Body>(
    body: z.ZodType<Body>,
    answer: (of: { sql: StopDeps['database']; tenantId: string; body: Body }) => unknown,
  ) => {
    return async (c: GatewayContext): Promise<Response> => {
      const given = parseInput(body, await readJson(c.req.raw), { what: 'The question' })
      const { tenantId } = c.get('principal')
      return c.json(await answer({ sql, tenantId, body: given }))
    }
  }
  return [
    { method: 'GET', path: '/v1/policy', needs: 'read', handle: (c) => show(c, deps) },
    { method: 'GET', path: '/v1/policy/versions', needs: 'read', handle: (c) => list(c, deps) },
    {
      method: 'GET',
      path: '/v1/policy/versions/:version',
      needs: 'read',
      handle: (c) => show(c, deps),
    },
    { method: 'POST', path: '/v1/policy', needs: 'policy', handle: (c) => apply(c, deps) },
    {
      method: 'POST',
      path: '/v1/policy/lint',
      needs: 'read',
      handle: asking(LintBody, ({ body }) => lint(body)),
    },
    { method: 'POST', path: '/v1/policy/diff', needs: 'read', handle: asking(DiffBody, diff) },
    {
      method: 'POST',
      path: '/v1/policy/evaluate',
      needs: 'read',
      handle: asking(EvaluateBody, evaluate),
    },
    {
      method: 'POST',
      path: '/v1/policy/explain',
      needs: 'read',
      handle: asking(ExplainBody, explain),
    },
    {
      method: 'POST',
      path: '/v1/policy/simulate',
      needs: 'read',
      handle: asking(SimulateBody, simulate),
    },
    { method: 'GET', path: '/v1/policy/prices', needs: 'read', handle: (c) => prices(c, deps) },
    { method: 'POST', path: '/v1/policy/prices', needs: 'policy', handle: (c) => price(c, deps) },
  ]
}

const ShowQuery = z.strictObject({ action: PolicyAction.optional() })
const VersionParam = z.coerce.number().int().nonnegative()

/** A version with its text; `?action=` leaves the rules that may be about that action. */
async function show(c: GatewayContext, { database }: Deps): Promise<Response> {
  const { tenantId } = c.get('principal')
  const given = c.req.param('version')
  const version =
    given === undefined ? undefined : parseInput(VersionParam, given, { what: 'The version' })
  const { action } = parseQuery(c, ShowQuery)
  const shown = await showPolicy(database, { tenantId, version })
  return c.json(viewOf(shown, action))
}

function viewOf({ version, source, document, applied }: ShownPolicy, action?: string) {
  const isAbout = ({ when }: (typeof document.rules)[number]): boolean => {
    if (action === undefined || when.action === undefined) return true
    return 'in' in when.action ? when.action.in.includes(action) : !when.action.not.includes(action)
  }
  return {
    policy: `${document.name}@${version}`,
    version,
    rules: document.rules.filter(isAbout),
    lists: document.lists,
    prices: document.prices,
    source,
    hash: applied?.hash ?? null,
    note: applied?.note ?? null,
    actor: applied?.actor ?? null,
    applied_at: applied?.createdAt.toISOString() ?? null,
  }
}

async function list(c: GatewayContext, { database }: Deps): Promise<Response> {
  const { tenantId } = c.get('principal')
  const versions = await listPolicies(database, { tenantId })
  const { version: inForce } = await showPolicy(database, { tenantId })
  return c.json({
    in_force: inForce,
    versions: versions.map(({ version, hash, note, actor, createdAt }) => ({
      version,
      hash,
      note,
      actor,
      applied_at: createdAt.toISOString(),
    })),
  })
}

const ApplyBody = z.strictObject({
  source: z.string().min(1).max(200_000),
  note: z.string().min(1).max(400).optional(),
  /** The version that this one was made from; another in force is a conflict. */
  expect_version: z.int().nonnegative().optional(),
})

async function apply(c: GatewayContext, deps: Deps): Promise<Response> {
  const body = parseInput(ApplyBody, await readJson(c.req.raw), { what: 'The policy' })
  const { document, findings } = checkPolicy(body.source)
  const { tenantId, tokenId } = c.get('principal')
  const { report, audit } = await applyAndFence(deps, {
    tenantId,
    source: body.source,
    document,
    note: body.note ?? null,
    actor: `token:${tokenId}`,
    expected: body.expect_version,
  })
  deps.doorbell.ring([], noted(audit))
  deps.log.warn({ tenant: tenantId, ...report }, 'a policy was applied')
  return c.json({ ...report, findings })
}

async function prices(c: GatewayContext, { database }: Deps): Promise<Response> {
  const { tenantId } = c.get('principal')
  const found = await readPrices(database, [tenantId])
  return c.json({
    prices: found.map(({ asset, decimals, usdMicros, takenAtMs, source }) => ({
      asset,
      decimals,
      usd: `${usdMicros / USD_MICROS}.${(usdMicros % USD_MICROS).toString().padStart(6, '0')}`,
      taken_at: new Date(takenAtMs).toISOString(),
      source,
    })),
  })
}

const PriceBody = z.strictObject({
  asset: TokenCode,
  decimals: z.int().min(0).max(36),
  usd: z.string().refine((text) => (canonicalDollars(text) ?? 0n) > 0n, {
    error: 'is no price in dollars such as "3150.25"',
  }),
  source: z.string().min(1).max(128).default('by hand'),
})

async function price(c: GatewayContext, { database }: Deps): Promise<Response> {
  const body = parseInput(PriceBody, await readJson(c.req.raw), { what: 'The price' })
  const { tenantId, tokenId } = c.get('principal')
  const { asset, decimals, usd, source } = body
  const usdMicros = canonicalDollars(usd) ?? 0n
  const actor = `token:${tokenId}`
  await setPrice(database, { tenantId, asset, decimals, usdMicros, source, actor })
  return c.json({ asset, decimals, usd, source }, 201)
}

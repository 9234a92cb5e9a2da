import type { Mode } from '@chimera/contracts/goal'
import {
  type AdoptClaims,
  MAX_ADOPTED,
  MAX_ADOPTION_PAGES,
  ReceiptClaims,
} from '@chimera/contracts/grant'
import { ToolStatus } from '@chimera/contracts/tool-control'
import { z } from 'zod'

import type { Sql } from '../open-database.ts'
import { type TenantDatabase, tenantsIn } from '../tenant-database.ts'

/** An account whose ledger is to learn what the record knows. */
export type LoadedAdoption = {
  id: string
  account: string
  /** The boot that waits: the last one that was seen of this account. */
  boot: string
  ledgerId: string
  knownBoots: string[]
  highestSeq: number
  effects: AdoptClaims['effects']
  /** True when there are more than one adoption can carry. */
  isTooMany: boolean
}

const MOST_EFFECTS = MAX_ADOPTED * MAX_ADOPTION_PAGES

/**
 * How long confirmed effects still count in a window, at most. Those since the oldest open one come
 * along as well: their posts must not be taken for an open effect's.
 */
const WINDOW = '7 days'

const Args = z.record(z.string(), z.unknown())
/** What the last receipt said that a lost ledger knew of it. */
const Remembered = ReceiptClaims.pick({ facts: true, spends: true })

/** Reads adoptions that are open and not signed for the boot that waits. */
export async function loadAdoptions(
  database: TenantDatabase,
  ids: readonly string[],
): Promise<LoadedAdoption[]> {
  const rows = await database.query<{
    id: string
    account: string
    boot: string
    status: unknown
    known_boots: string[]
    highest_seq: string
  }>({
    name: 'load-adoptions',
    text: `SELECT d.id, d.account, b.boot, b.status,
        ARRAY(SELECT k.boot::text FROM tool_boots k WHERE k.account = d.account
          ORDER BY k.registered_at, k.boot) AS known_boots,
        highest_seq(d.account) AS highest_seq
      FROM tool_adoptions d
      JOIN LATERAL (SELECT boot, status FROM tool_boots k WHERE k.account = d.account
        ORDER BY registered_at DESC LIMIT 1) b ON true
      WHERE d.id = ANY($1::uuid[]) AND d.done_at IS NULL
        AND (d.jws IS NULL OR d.boot IS DISTINCT FROM b.boot)`,
    values: [ids],
  })
  return Promise.all(
    rows.map(async (row) => {
      const effects = await effectsOf(database, row.account)
      return {
        id: row.id,
        account: row.account,
        boot: row.boot,
        ledgerId: ToolStatus.parse(row.status).ledger.id,
        knownBoots: row.known_boots,
        highestSeq: Number(row.highest_seq),
        effects: effects.slice(0, MOST_EFFECTS),
        isTooMany: effects.length > MOST_EFFECTS,
      }
    }),
  )
}

/** Effects that are read at once, and so the most tenants that are seen at once. */
const PAGE = 500

/**
 * What the account's ledger has to know: ids of whatever tenant, then their rows page by page. What
 * was closed without effect in between is no slot that a ledger has to hold.
 */
async function effectsOf(
  database: TenantDatabase,
  account: string,
): Promise<AdoptClaims['effects']> {
  const keys = await database.query<{ id: string; tenant_id: string }>({
    text: 'SELECT id, tenant_id FROM effects_to_adopt($1, $2::interval, $3)',
    values: [account, WINDOW, MOST_EFFECTS + 1],
  })
  const effects: AdoptClaims['effects'][number][] = []
  for (let from = 0; from < keys.length; from += PAGE) {
    const page = keys.slice(from, from + PAGE)
    const scope = tenantsIn(page.map(({ tenant_id: tenantId }) => ({ tenantId })))
    const ids = page.map(({ id }) => id)
    effects.push(...(await database.as(scope, () => readEffects(database, ids))))
  }
  return effects
}

/**
 * A slot that a restore of record and ledger holds is sent without arguments: what it did, and
 * when, is what both have forgotten, so that no look at the provider could prove its absence.
 */
async function readEffects(sql: Sql, ids: readonly string[]): Promise<AdoptClaims['effects']> {
  const rows = await sql.query<{
    grant_id: string
    effect_key: string
    round: number
    args_hash: string
    tool: string
    tenant_id: string
    agent_id: string
    campaign_id: string | null
    goal_id: string
    task_id: string
    slot: string
    mode: Mode
    args: unknown
    state: 'GRANTED' | 'UNKNOWN' | 'NEEDS_HUMAN' | 'CONFIRMED'
    provider_ref: string | null
    remembered: unknown
    boot: string
    granted_at: string
    claimed_at: Date | null
    settled_at: Date | null
  }>({
    text: `SELECT e.grant_id, e.effect_key, e.round, e.args_hash, e.tool, e.tenant_id, g.agent_id,
        g.campaign_id, e.goal_id, e.task_id, e.slot, e.mode, e.state,
        CASE WHEN e.state = 'NEEDS_HUMAN' AND e.code = 'RECORD_BEHIND' THEN '{}'
          ELSE e.args END AS args, e.provider_ref,
        jsonb_strip_nulls(jsonb_build_object('facts', e.receipt -> 'facts',
          'spends', e.receipt -> 'spends')) AS remembered,
        e.boot, floor(extract(epoch FROM e.granted_at))::bigint AS granted_at, e.claimed_at,
        e.settled_at
      FROM effects e JOIN goals g ON g.tenant_id = e.tenant_id AND g.id = e.goal_id
      WHERE e.id = ANY($1::uuid[])
        AND e.state IN ('GRANTED', 'UNKNOWN', 'NEEDS_HUMAN', 'CONFIRMED')
      ORDER BY array_position($1::uuid[], e.id)`,
    values: [ids],
  })
  return rows.map((row) => ({
    grant_id: row.grant_id,
    effect_key: row.effect_key,
    round: row.round,
    args_hash: row.args_hash,
    tool: row.tool,
    tenant: row.tenant_id,
    agent: row.agent_id,
    ...(row.campaign_id === null ? {} : { campaign: row.campaign_id }),
    goal: row.goal_id,
    task: row.task_id,
    slot: row.slot,
    mode: row.mode,
    args: Args.parse(row.args),
    state: row.state,
    ...(row.provider_ref === null ? {} : { provider_ref: row.provider_ref }),
    ...Remembered.parse(row.remembered),
    granted_boot: row.boot,
    granted_at: Number(row.granted_at),
    ...(row.claimed_at === null ? {} : { claimed_at: row.claimed_at.toISOString() }),
    ...(row.settled_at === null ? {} : { settled_at: row.settled_at.toISOString() }),
  }))
}

/** Writes the signed words, a line each, or why there are none. */
export async function writeAdoptions(
  sql: Sql,
  adoptions: readonly {
    id: string
    signed: { words: readonly string[]; boot: string } | null
    refused: string | null
  }[],
): Promise<void> {
  for (const { id, signed, refused } of adoptions) {
    await sql.query({
      text: `UPDATE tool_adoptions SET jws = $2, boot = $3, refused = $4,
          done_at = CASE WHEN $4::text IS NOT NULL THEN now() END
        WHERE id = $1 AND done_at IS NULL`,
      values: [id, signed?.words.join('\n') ?? null, signed?.boot ?? null, refused],
    })
  }
}

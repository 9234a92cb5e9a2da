import { z } from 'zod'

import { AgentId, Uuid } from '../ids.ts'
import { parseUnits, USD_MICROS } from '../money.ts'
import { Role } from './roles.ts'

/** Users, agents and campaigns by the names that people gave them. */
export const MemberId = AgentId

const Text = (most: number) =>
  z
    .string()
    .min(1)
    .max(most)
    // oxlint-disable-next-line no-control-regex -- they are what is refused
    .regex(/^[^\u0000-\u001F\u007F]*$/, 'holds control characters')

/** Whoever has one has changed it last: compare-and-set (requirement C23). */
const versionId = Uuid.optional().describe('refused when the row has another version by now')

const USD_DECIMALS = String(USD_MICROS).length - 1

/** US dollars as decimal text, to the micro. */
export const UsdText = z.string().refine((text) => parseUnits(text, USD_DECIMALS) !== undefined, {
  error: 'is no amount in US dollars with at most 6 decimals',
})

/** `POST /v1/tenants`. */
export const NewTenant = z.strictObject({ id: Uuid.optional(), name: Text(200) })

/** `POST /v1/users`: makes a user, or changes the one with this id. */
export const NewUser = z.strictObject({
  id: MemberId,
  email: z.email().max(254),
  roles: z.array(Role).max(Role.options.length),
  version_id: versionId,
})

/** `POST /v1/agents`: makes an agent, or changes the one with this id. */
export const NewAgent = z.strictObject({
  id: MemberId,
  soul_ref: Text(200).nullable().default(null),
  wallet_address: Text(128).nullable().default(null),
  version_id: versionId,
})

/** `POST /v1/campaigns`: makes a campaign, or changes the one with this id. */
export const NewCampaign = z.strictObject({
  id: MemberId,
  agent_id: MemberId,
  owner_user_id: MemberId.nullable().default(null),
  goal_text: z.string().max(10_000).default(''),
  daily_budget_usd: UsdText.nullable().default(null),
  version_id: versionId,
})

const Standing = { version_id: z.uuid(), created_at: z.string() }
const Status = z.enum(['ACTIVE', 'PAUSED'])

/** A tenant as the API shows it. */
export const TenantView = z.strictObject({
  id: z.uuid(),
  name: z.string(),
  status: Status,
  ...Standing,
})
export type TenantView = z.infer<typeof TenantView>

/** A user as the API shows one. */
export const UserView = z.strictObject({
  id: z.string(),
  email: z.string(),
  roles: z.array(Role),
  status: Status,
  ...Standing,
})
export type UserView = z.infer<typeof UserView>

/** An agent as the API shows it. */
export const AgentView = z.strictObject({
  id: z.string(),
  soul_ref: z.string().nullable(),
  wallet_address: z.string().nullable(),
  status: Status,
  ...Standing,
})
export type AgentView = z.infer<typeof AgentView>

/** A campaign as the API shows it. */
export const CampaignView = z.strictObject({
  id: z.string(),
  agent_id: z.string(),
  owner_user_id: z.string().nullable(),
  goal_text: z.string(),
  daily_budget_usd: z.string().nullable(),
  status: z.enum(['ACTIVE', 'PAUSED', 'COMPLETED']),
  ...Standing,
})
export type CampaignView = z.infer<typeof CampaignView>

import { renderUnits } from '@chimera/contracts/money'
import { AgentView, CampaignView, TenantView, UserView } from '@chimera/contracts/tenancy/members'
import { Role } from '@chimera/contracts/tenancy/roles'

import type { MemberRow } from './members.ts'
import type { TenantRow } from './tenants.ts'

const USD_DECIMALS = 6

/** How the API shows rows of tenants and of those who act in them. */
export const memberViews = {
  tenant: (row: TenantRow): TenantView =>
    TenantView.parse({ ...row, created_at: row.created_at.toISOString() }),
  user: (row: MemberRow): UserView =>
    UserView.parse({ ...row, roles: rolesOf(row['roles']), ...standing(row) }),
  agent: (row: MemberRow): AgentView => AgentView.parse({ ...row, ...standing(row) }),
  campaign: ({ daily_budget_usd_micros: micros, ...row }: MemberRow): CampaignView =>
    CampaignView.parse({
      ...row,
      ...standing(row),
      daily_budget_usd:
        typeof micros === 'string' ? renderUnits(BigInt(micros), USD_DECIMALS) : null,
    }),
}

const standing = ({ created_at: at }: { created_at: Date }) => ({ created_at: at.toISOString() })

/** A role that this code does not know allows nothing. */
export const rolesOf = (names: unknown): Role[] =>
  Array.isArray(names) ? Role.options.filter((role) => names.includes(role)) : []

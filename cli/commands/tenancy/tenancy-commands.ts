import type { Command } from 'commander'

import type { CliContext } from '../../context.ts'
import { commaNames } from '../../option-values.ts'
import type { PutOptions } from './members.ts'
import { registerPauseCommands } from './pause-commands.ts'

type Json = { json?: boolean }
type MemberCommand = 'tenant' | 'user' | 'agent' | 'campaign'
const KINDS: readonly MemberCommand[] = ['tenant', 'user', 'agent', 'campaign']

/** Adds `tenant`, `user`, `agent` and `campaign`. */
export function registerTenancyCommands(program: Command, context: CliContext): void {
  const groups: Record<MemberCommand, Command> = {
    tenant: program.command('tenant').description('make, list, pause and resume tenants'),
    user: program
      .command('user')
      .description('make, change, list, pause and resume users and their roles'),
    agent: program.command('agent').description('make, change, list, pause and resume agents'),
    campaign: program
      .command('campaign')
      .description('make, change, list, pause, resume and complete campaigns'),
  }
  registerCreate(groups, context)
  for (const kind of KINDS) {
    const group = groups[kind]
    registerPauseCommands({ kind, group, context })
    group
      .command('ls')
      .description('all of them')
      .option('--json', 'print a JSON array')
      .action(async (options: Json) => {
        const { listMembers } = await import('./members.ts')
        await listMembers(kind, options, context)
      })
  }
}

function registerCreate(groups: Record<MemberCommand, Command>, context: CliContext): void {
  const put = async (kind: string, body: PutOptions, options: Json): Promise<void> => {
    const { putMember } = await import('./members.ts')
    await putMember(kind, body, options, context)
  }
  groups.tenant
    .command('create <name>')
    .description('found a tenant; `chimera token create --tenant` lets its first people in')
    .option('--id <uuid>', 'an id of your own: the same tenant under it is made once')
    .option('--json', 'print JSON')
    .action((name: string, { id, ...options }: { id?: string } & Json) =>
      put('tenant', { name, id }, options),
    )
  groups.user
    .command('create <id>')
    .description('make a user, or change the one with this id')
    .requiredOption('--email <address>', 'where to reach the person')
    .option(
      '--role <roles>',
      'by comma: viewer, operator, approver, policy_admin, tenant_admin, auditor',
      commaNames,
      [],
    )
    .option('--json', 'print JSON')
    .action((id: string, { email, role, ...options }: { email: string; role: string[] } & Json) =>
      put('user', { id, email, roles: role }, options),
    )
  groups.agent
    .command('create <id>')
    .description('make an agent, or change the one with this id')
    .option('--soul <ref>', 'the persona that it speaks with')
    .option('--wallet-address <address>', 'the wallet that it is known by')
    .option('--json', 'print JSON')
    .action((id: string, of: { soul?: string; walletAddress?: string } & Json) =>
      put('agent', { id, soul_ref: of.soul, wallet_address: of.walletAddress }, of),
    )
  groups.campaign
    .command('create <id>')
    .description('make a campaign, or change the one with this id')
    .requiredOption('--agent <id>', 'the agent that runs it')
    .option('--owner <user>', 'the user that it belongs to')
    .option('--goal <text>', 'what it is for')
    .option('--daily-budget-usd <amount>', 'what it may spend a day')
    .option('--json', 'print JSON')
    .action(
      (
        id: string,
        of: { agent: string; owner?: string; goal?: string; dailyBudgetUsd?: string } & Json,
      ) =>
        put(
          'campaign',
          {
            id,
            agent_id: of.agent,
            owner_user_id: of.owner,
            goal_text: of.goal,
            daily_budget_usd: of.dailyBudgetUsd,
          },
          of,
        ),
    )
}

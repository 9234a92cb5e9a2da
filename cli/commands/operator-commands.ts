import { CRASH_POINTS } from '@chimera/contracts/crash-points'
import type { Command } from 'commander'

import type { CliContext } from '../context.ts'
import { registerApprovalCommands } from './approval/approval-commands.ts'
import { registerBudgetCommands } from './budget/budget-commands.ts'
import { registerDatabaseCommands } from './database/database-commands.ts'
import { registerDeadCommands } from './dead/dead-commands.ts'
import { registerEffectCommands } from './effect/effect-commands.ts'
import { registerGoalCommands } from './goal/goal-commands.ts'
import { registerKillCommands } from './kill/kill-commands.ts'
import { registerMediaCommands } from './media/media-commands.ts'
import { registerMemoryCommands } from './memory/memory-commands.ts'
import { registerPersonaCommands } from './persona/persona-commands.ts'
import { registerPolicyCommands } from './policy/policy-commands.ts'
import { registerRegistryCommands } from './registry/registry-commands.ts'
import { registerRouterCommands } from './router/router-commands.ts'
import { registerStopCommands } from './stop/stop-commands.ts'
import { registerTaskCommands } from './task/task-commands.ts'
import { registerTenancyCommands } from './tenancy/tenancy-commands.ts'
import { registerTokenCommands } from './token/token-commands.ts'
import { registerToolsCommands } from './tools/tools-commands.ts'

/** Adds everything that an operator does with a stack that runs; each is loaded when it runs. */
export function registerOperatorCommands(program: Command, context: CliContext): void {
  registerGoalCommands(program, context)
  registerTaskCommands(program, context)
  registerEffectCommands(program, context)
  registerApprovalCommands(program, context)
  registerStopCommands(program, context)
  registerDeadCommands(program, context)
  registerPolicyCommands(program, context)
  registerKillCommands(program, context)
  registerTenancyCommands(program, context)
  registerBudgetCommands(program, context)
  registerTokenCommands(program, context)
  registerToolsCommands(program, context)
  registerMediaCommands(program, context)
  registerMemoryCommands(program, context)
  registerRouterCommands(program, context)
  registerRegistryCommands(program, context)
  registerPersonaCommands(program, context)
  registerDatabaseCommands(program, context)
  program
    .command('crash-points')
    .description('the places where CHIMERA_CRASH_AT=<label>[:n] makes a process die')
    .option('--json', 'print a JSON array')
    .action((options: { json?: boolean }) => {
      if (options.json === true) context.out(JSON.stringify(CRASH_POINTS))
      else for (const label of CRASH_POINTS) context.out(label)
    })
}

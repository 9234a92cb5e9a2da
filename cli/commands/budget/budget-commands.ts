import { type Command, Option } from 'commander'

import type { CliContext } from '../../context.ts'
import type { SetOptions } from './budgets.ts'

/** Adds `budget ls|set`. */
export function registerBudgetCommands(program: Command, context: CliContext): void {
  const budget = program.command('budget').description('what may be spent, and what is')
  budget
    .command('ls')
    .description("today's counters with the caps in force")
    .argument('[scope]', 'tenant, agent:<id>, campaign:<id>, goal:<id>; * as the id for each')
    .option('--json', 'print a JSON array')
    .action(async (scope: string | undefined, options: { json?: boolean }) => {
      const { list } = await import('./budgets.ts')
      await list(scope, options, context)
    })
  budget
    .command('set')
    .description('set the cap of a UTC day, for a goal the one for good')
    .argument('<scope>', 'tenant, agent:<id>, campaign:<id>, goal:<id>; * as the id for each')
    .argument('<cap>', 'dollars for USD and MODELUSD, else base units; none; default')
    .option('--asset <code>', 'what is counted: USD, MODELUSD, TOKENS, TRANSFERS, ETH ...', 'USD')
    .addOption(
      new Option('--mode <mode>', 'simulated money, real money, or both')
        .choices(['paper', 'live', 'both'])
        .default('both'),
    )
    .addOption(new Option('--per <span>', 'has to fit the scope').choices(['day', 'ever']))
    .option('--json', 'print a JSON array')
    .action(async (scope: string, cap: string, options: SetOptions) => {
      const { set } = await import('./budgets.ts')
      await set(scope, cap, options, context)
    })
}

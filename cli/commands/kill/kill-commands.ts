import type { Command } from 'commander'

import type { CliContext } from '../../context.ts'
import { wholeNumber } from '../../option-values.ts'
import type { KillOptions } from './kill.ts'

const MOST = 5

/** Adds `kill show|raise|lower`. */
export function registerKillCommands(program: Command, context: CliContext): void {
  const kill = program
    .command('kill')
    .description('the kill level of the house: 0 safe to 5 shutdown')
  kill
    .command('show')
    .description('levels, why they are what they are, and what each tool server holds')
    .option('--json', 'print {levels, tools}')
    .action(async (options: { json?: boolean }) => {
      const { showKill } = await import('./kill.ts')
      await showKill(options, context)
    })
  withScope(kill.command('raise <level>'))
    .description('from 2 only exits, from 3 no tweet and no transfer, 5 nothing; it only rises')
    .requiredOption('--reason <text>', 'what was seen; kept with the level')
    .action(async (level: string, options: KillOptions) => {
      const { raiseKill } = await import('./kill.ts')
      const to = wholeNumber({ least: 1, most: MOST })(level)
      await raiseKill({ ...options, level: to }, context)
    })
  withScope(kill.command('lower <level>'))
    .description("with the operator's own token: let more through again")
    .requiredOption('--reason <text>', 'why it is safe; kept with the level')
    .action(async (level: string, options: KillOptions) => {
      const { lowerKill } = await import('./kill.ts')
      const to = wholeNumber({ least: 0, most: MOST - 1 })(level)
      await lowerKill({ ...options, level: to }, context)
    })
}

const withScope = (command: Command): Command =>
  command
    .option('--tenant <id>', 'this tenant only; everything when absent')
    .option('--json', 'print {scope, level, previous_level, epoch, acknowledged_at, tools}')

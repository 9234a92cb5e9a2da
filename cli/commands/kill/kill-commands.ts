import type { Command } from 'commander'

import type { CliContext } from '../../context.ts'
import { wholeNumber } from '../../option-values.ts'
import type { KillOptions } from './kill.ts'

const MOST = 5

/** Adds `kill show|raise|lower`. */
export function registerKillCommands(program: Command, context: CliContext): void {
  const kill = program
    .command('kill')
    .description('the kill level of the trading accounts of this machine: 0 safe to 5 shutdown')
  withAccount(kill.command('show'))
    .description('levels and why they are what they are')
    .action(async (options: Omit<KillOptions, 'reason'>) => {
      const { showKill } = await import('./kill.ts')
      await showKill(options, context)
    })
  withAccount(kill.command('raise <level>'))
    .description('2 to 4: only reduce-only orders; 5: nothing; a level below is refused')
    .requiredOption('--reason <text>', 'what was seen; kept with the level')
    .action(async (level: string, options: KillOptions) => {
      const { setKill } = await import('./kill.ts')
      await setKill({ level: wholeNumber({ least: 1, most: MOST })(level), ...options }, context)
    })
  withAccount(kill.command('lower <level>'))
    .description("with the operator's own token: let more through again")
    .requiredOption('--reason <text>', 'why it is safe; kept with the level')
    .action(async (level: string, options: KillOptions) => {
      const { setKill } = await import('./kill.ts')
      const to = wholeNumber({ least: 0, most: MOST - 1 })(level)
      await setKill({ level: to, isLowering: true, ...options }, context)
    })
}

const withAccount = (command: Command): Command =>
  command
    .option('--account <account>', 'only this account; all of this machine when absent')
    .option('--json', 'print a JSON array')

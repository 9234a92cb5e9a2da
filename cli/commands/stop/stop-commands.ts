import type { Command } from 'commander'

import type { CliContext } from '../../context.ts'
import type { StopOptions } from './stop.ts'

/** Adds `stop` and `resume`. */
export function registerStopCommands(program: Command, context: CliContext): void {
  withScope(program.command('stop'), 'stop')
    .description('let nothing more happen in the world; exit 1 when a tool server is out of reach')
    .action(async (options: StopOptions) => {
      const { stop } = await import('./stop.ts')
      await stop(options, context)
    })
  withScope(program.command('resume'), 'resume')
    .description('end a stop')
    .action(async (options: StopOptions) => {
      const { resume } = await import('./stop.ts')
      await resume(options, context)
    })
}

const withScope = (command: Command, verb: string): Command =>
  command
    .option('--tenant <id>', `${verb} one tenant only`)
    .option('--agent <id>', `${verb} one agent only`)
    .option('--campaign <id>', `${verb} one campaign only`)
    .option('--goal <id>', `${verb} one goal only`)
    .option('--tool <account>', `${verb} the tool server of one account only`)
    .option('--reason <text>', 'why, for the record')
    .option('--json', 'print {epoch, acknowledged_at, tools}')

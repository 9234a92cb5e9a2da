import type { Command } from 'commander'

import type { CliContext } from '../../context.ts'
import type { StopOptions } from './stop.ts'

/** Adds `stop` and `resume`. */
export function registerStopCommands(program: Command, context: CliContext): void {
  program
    .command('stop')
    .description('let nothing more happen in the world; exit 1 when a tool server is out of reach')
    .option('--reason <text>', 'why, for the record')
    .option('--json', 'print {epoch, acknowledged_at, tools}')
    .action(async (options: StopOptions) => {
      const { stop } = await import('./stop.ts')
      await stop(options, context)
    })
  program
    .command('resume')
    .description('end a stop')
    .option('--reason <text>', 'why, for the record')
    .option('--json', 'print {epoch, acknowledged_at, tools}')
    .action(async (options: StopOptions) => {
      const { resume } = await import('./stop.ts')
      await resume(options, context)
    })
}

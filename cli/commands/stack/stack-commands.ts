import { Option, type Command } from 'commander'

import type { CliContext } from '../../context.ts'
import { EXIT, CliExit } from '../../exit-codes.ts'
import type { LogsOptions } from './logs.ts'
import type { UpOptions } from './up.ts'

/** Adds `up`, `down`, `status`, `logs` and `doctor`; each is loaded when it runs. */
export function registerStackCommands(program: Command, context: CliContext): void {
  program
    .command('up')
    .description('start everything on this machine and watch over it until Ctrl-C')
    .option('-d, --detach', 'leave it running and come back')
    .option('--json', 'print where everything is as JSON')
    .addOption(new Option('--no-install', 'never ask the package manager for a Redis server'))
    .option('--weaviate', 'keep memories in Weaviate; Go builds its server when there is none')
    .option('--no-weaviate', 'keep memories in PostgreSQL, and start no Weaviate')
    .action(async (options: UpOptions) => {
      const { up } = await import('./up.ts')
      await up(options, context)
    })
  program
    .command('down')
    .description('stop what `up` started')
    .option('--json', 'print the outcome as JSON')
    .action(async (options: { json?: boolean }) => {
      const { down } = await import('./down.ts')
      await down(options, context)
    })
  program
    .command('status')
    .description('what runs, where it is and what it has to do')
    .option('--json', 'print the report as JSON')
    .action(async (options: { json?: boolean }) => {
      const { status } = await import('./status.ts')
      await status(options, context)
    })
  program
    .command('logs [role]')
    .description('what the processes have said, the newest last')
    .option('-f, --follow', 'go on as they speak')
    .option('-n, --lines <n>', 'so many of the last lines', lineCount, 50)
    .option('--json', 'as they were written')
    .action(async (role: string | undefined, options: LogsOptions) => {
      const { logs } = await import('./logs.ts')
      await logs(role, options, context)
    })
  program
    .command('doctor')
    .description('check this machine, and say how to mend what is wrong')
    .option('--json', 'print the checks as JSON')
    .action(async (options: { json?: boolean }) => {
      const { doctor } = await import('./doctor.ts')
      await doctor(options, context)
    })
}

function lineCount(text: string): number {
  const n = Number(text)
  if (Number.isInteger(n) && n >= 0 && n <= 100_000) return n
  throw new CliExit(EXIT.usage, `--lines takes a whole number up to 100000, not ${text}.`)
}

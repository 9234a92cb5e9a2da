import type { Command } from 'commander'

import type { CliContext } from '../../context.ts'
import { CliExit } from '../../exit-codes.ts'
import type { TestOptions } from './run-tests.ts'

/**
 * Adds `chimera test` and `chimera check` to the program. What they do is loaded when one of them
 * runs, so that no other command pays for it.
 */
export function registerTestCommands(program: Command, context: CliContext): void {
  program
    .command('test')
    .description('run every test of this checkout, with its own servers')
    .option('--full', 'take the full sample of every guarantee; there is no time limit')
    .option('--controls', 'run only the negative controls and print what each one saw')
    .option('--json <file>', 'write the outcome to this file')
    .option('--only <project...>', 'run only these projects')
    .action(async (options: TestOptions) => {
      const { runTests } = await import('./run-tests.ts')
      endWith(await runTests(options, context))
    })
  program
    .command('check')
    .description('types, lint, format, dead code and the unit tests of this checkout')
    .action(async () => {
      const { runCheck } = await import('./run-check.ts')
      endWith(await runCheck(context))
    })
}

function endWith(status: number): void {
  if (status !== 0) throw new CliExit(status)
}

import type { Command } from 'commander'

import type { CliContext } from '../../context.ts'
import { wholeNumber } from '../../option-values.ts'

/** As many as one page of the record has. */
const MAX_LISTED = 500

/** Adds `dead ls|show|replay`. */
export function registerDeadCommands(program: Command, context: CliContext): void {
  const dead = program.command('dead').description('list, show and replay dead letters')
  dead
    .command('ls')
    .description('dead letters that were not replayed, newest first')
    .option('--all', 'the replayed ones, too')
    .option('--limit <n>', 'at most so many', wholeNumber({ least: 1, most: MAX_LISTED }), 50)
    .option('--json', 'print a JSON array')
    .action(async (options: { all?: boolean; limit: number; json?: boolean }) => {
      const { listDead } = await import('./show-letters.ts')
      await listDead(options, context)
    })
  dead
    .command('show <id>')
    .description('a dead letter with what it held')
    .option('--json', 'print JSON')
    .action(async (id: string, options: { json?: boolean }) => {
      const { showDead } = await import('./show-letters.ts')
      await showDead(id, options, context)
    })
  dead
    .command('replay <id>')
    .description('put the entry back onto its stream, as it was')
    .option('--again', 'also when it was replayed before')
    .option('--json', 'print JSON')
    .action(async (id: string, options: { again?: boolean; json?: boolean }) => {
      const { replayLetter } = await import('./replay-letter.ts')
      await replayLetter(id, options, context)
    })
}

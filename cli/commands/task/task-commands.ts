import type { Command } from 'commander'

import type { CliContext } from '../../context.ts'

/** Adds `task show`. */
export function registerTaskCommands(program: Command, context: CliContext): void {
  const task = program.command('task').description('show tasks')
  task
    .command('show <id>')
    .description('a task with its attempts and verdicts')
    .option('--json', 'print JSON')
    .action(async (id: string, options: { json?: boolean }) => {
      const { showTask } = await import('./show-task.ts')
      await showTask(id, options, context)
    })
}

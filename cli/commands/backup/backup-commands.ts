import type { Command } from 'commander'

import type { CliContext } from '../../context.ts'

/** Adds `backup` and `restore`. */
export function registerBackupCommands(program: Command, context: CliContext): void {
  program
    .command('backup <dir>')
    .description('back the record and the ledgers up into a folder that is empty or not there yet')
    .option('--keys <dir>', 'copy the keys, too, into a folder of their own')
    .option('--json', 'print the manifest')
    .addHelpText('after', '\nWorks while the stack runs, and when it is down.')
    .action(async (dir: string, options: { keys?: string; json?: boolean }) => {
      const { backup } = await import('./backup.ts')
      await backup(dir, options, context)
    })
  program
    .command('restore <dir>')
    .description('put a backup of the record in place of the record; the stack has to be down')
    .option('--with-ledgers', "put the backup's ledgers in place, too: the newer ones are lost")
    .option('--yes', 'do it; without this only the backup is verified')
    .option('--json', 'print the report as JSON')
    .addHelpText(
      'after',
      '\nThe restored system starts stopped. Ledgers on this machine are kept and read:\n' +
        'what they know happened stays happened. Then: ./chimera up, and ./chimera resume.',
    )
    .action(
      async (dir: string, options: { withLedgers?: boolean; yes?: boolean; json?: boolean }) => {
        const { restore } = await import('./restore.ts')
        await restore(dir, options, context)
      },
    )
}

import type { Command } from 'commander'

import type { CliContext } from '../../context.ts'

/** Adds `media add|ls`. */
export function registerMediaCommands(program: Command, context: CliContext): void {
  const media = program.command('media').description('images that tweets may carry')
  media
    .command('add <file>')
    .description('keep a PNG, JPEG or WebP image of at most 5 MB, and print its handle')
    .option('--json', 'print JSON')
    .action(async (file: string, options: { json?: boolean }) => {
      const { addMedia } = await import('./keep-media.ts')
      await addMedia(file, options, context)
    })
  media
    .command('ls')
    .description('handles of all images')
    .option('--json', 'print a JSON array')
    .action(async (options: { json?: boolean }) => {
      const { listMedia } = await import('./keep-media.ts')
      await listMedia(options, context)
    })
}

import type { Command } from 'commander'

import type { CliContext } from '../../context.ts'

type Json = Readonly<{ json?: boolean }>

/** Adds `persona ls|show|lint|pin`. */
export function registerPersonaCommands(program: Command, context: CliContext): void {
  const persona = program.command('persona').description('whose voice the swarm speaks in')
  persona
    .command('ls')
    .description('personas as they are pinned; without any, the default one speaks')
    .option('--json', 'print a JSON array')
    .action(async (options: Json) => {
      const { listPinned } = await import('./persona.ts')
      await listPinned(options, context)
    })
  persona
    .command('show <name>')
    .description('a persona by its name, such as SOUL.md, with every version')
    .option('--json', 'print a JSON array, newest first')
    .action(async (name: string, options: Json) => {
      const { showPinned } = await import('./persona.ts')
      await showPinned(name, options, context)
    })
  persona
    .command('lint <file>')
    .description('check a persona file; needs nothing that runs')
    .option('--json', 'print JSON')
    .action(async (file: string, options: Json) => {
      const { lintFile } = await import('./persona.ts')
      lintFile(file, options, context)
    })
  persona
    .command('pin <file>')
    .description('let a persona file hold from now on; a changed file holds when it is pinned')
    .option('--as <name>', 'the name that goals call it by; the name of the file by default')
    .option('--json', 'print JSON')
    .action(async (file: string, options: Json & Readonly<{ as?: string }>) => {
      const { pinFile } = await import('./persona.ts')
      await pinFile(file, options, context)
    })
}

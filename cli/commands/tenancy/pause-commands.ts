import type { Command } from 'commander'

import type { CliContext } from '../../context.ts'
import type { Kind, PauseOptions } from './pause.ts'

const WHAT: Readonly<Record<Kind, string>> = {
  goal: 'let nothing more be done for it; what is in flight is named',
  agent: 'let it do nothing more; what is in flight is named',
  campaign: 'let nothing more be done for it; what is in flight is named',
  tenant: 'let nothing more be done in it; what is in flight is named',
  user: 'let none of its tokens in',
}

/** Adds `pause` and `resume` to the commands of a kind. */
export function registerPauseCommands(of: {
  kind: Kind
  group: Command
  context: CliContext
}): void {
  const { kind, group, context } = of
  withOptions(group.command('pause <id>').description(WHAT[kind])).action(
    async (id: string, options: PauseOptions) => {
      const { pause } = await import('./pause.ts')
      await pause({ kind, id }, options, context)
    },
  )
  withOptions(group.command('resume <id>').description('end a pause')).action(
    async (id: string, options: PauseOptions) => {
      const { move } = await import('./pause.ts')
      await move({ kind, id, verb: 'resume' }, options, context)
    },
  )
  if (kind !== 'campaign') return
  withOptions(
    group.command('complete <id>').description('end it for good: nothing more is granted for it'),
  ).action(async (id: string, options: PauseOptions) => {
    const { move } = await import('./pause.ts')
    await move({ kind, id, verb: 'complete' }, options, context)
  })
}

const withOptions = (command: Command): Command =>
  command.option('--reason <text>', 'why, for the record').option('--json', 'print JSON')

import { EffectState } from '@chimera/contracts/effect'
import type { Command } from 'commander'

import type { CliContext } from '../../context.ts'
import { oneOf, wholeNumber } from '../../option-values.ts'
import type { SettleOptions } from './settle-effect.ts'
import type { ListOptions } from './show-effects.ts'

const MAX_LISTED = 10_000

/** Adds `effect ls|show|settle|unstick`. */
export function registerEffectCommands(program: Command, context: CliContext): void {
  const effect = program.command('effect').description('list, show, settle and unstick effects')
  effect
    .command('ls')
    .description('effects, newest first')
    .option('--goal <id>', 'only those of this goal')
    .option('--state <state>', 'only those in this state', oneOf(EffectState.options))
    .option('--limit <n>', 'at most so many', wholeNumber({ least: 1, most: MAX_LISTED }), 50)
    .option('--json', 'print a JSON array')
    .action(async (options: ListOptions) => {
      const { listEffects } = await import('./show-effects.ts')
      await listEffects(options, context)
    })
  effect
    .command('show <id>')
    .description('an effect by its id, its grant, or its effect key (then the newest round)')
    .option('--json', 'print JSON')
    .action(async (id: string, options: { json?: boolean }) => {
      const { showEffect } = await import('./show-effects.ts')
      await showEffect(id, options, context)
    })
  effect
    .command('settle <id>')
    .description('say what became of an effect that no provider can tell of')
    .option('--happened <reference>', 'it did, and this is what the provider calls it')
    .option('--did-not-happen', 'it did not')
    .requiredOption('--reason <text>', 'how you know, for the record')
    .option('--yes', 'do it')
    .option('--json', 'print JSON')
    .action(async (id: string, options: SettleOptions) => {
      const { settleEffect } = await import('./settle-effect.ts')
      await settleEffect(id, options, context)
    })
  effect
    .command('unstick <id>')
    .description('offer more for the place of a transfer that no block takes, and pay nothing')
    .option('--json', 'print JSON')
    .action(async (id: string, options: { json?: boolean }) => {
      const { unstickEffect } = await import('./unstick-effect.ts')
      await unstickEffect(id, options, context)
    })
}

import { CircuitVerb } from '@chimera/contracts/models/router-view'
import type { Command } from 'commander'

import type { CliContext } from '../../context.ts'
import type { MoveOptions } from './router.ts'

const SAYS: Readonly<Record<CircuitVerb, string>> = {
  open: 'ask it no more, until somebody closes it',
  close: 'let calls through again, whatever was the matter',
  reset: 'the same, and forget its figures',
}

/** Adds `router status|test|open|close|reset`. */
export function registerRouterCommands(program: Command, context: CliContext): void {
  const router = program
    .command('router')
    .description('the cascade of models: what each tier does, and who may be asked')
  router
    .command('status')
    .description('every tier with its circuit, and its figures of the last day')
    .option('--json', 'print {tiers}')
    .action(async (options: { json?: boolean }) => {
      const { showRouter } = await import('./router.ts')
      await showRouter(options, context)
    })
  router
    .command('test')
    .description("ask each tier of this machine's environment one small question, and pay for it")
    .argument('[tier]', 'this one only')
    .option('--json', 'print {tiers}')
    .action(async (tier: string | undefined, options: { json?: boolean }) => {
      const { testTiers } = await import('./test-tiers.ts')
      await testTiers(tier, options, context)
    })
  for (const verb of CircuitVerb.options) {
    router
      .command(verb)
      .description(SAYS[verb])
      .argument('[tier]', 'the name of a tier; without it --all')
      .option('--all', 'every tier')
      .requiredOption('--reason <text>', 'why; kept with the circuit and in the audit')
      .option('--json', 'print {tiers}')
      .action(async (tier: string | undefined, options: MoveOptions) => {
        const { moveCircuit } = await import('./router.ts')
        await moveCircuit({ verb, tier }, options, context)
      })
  }
}

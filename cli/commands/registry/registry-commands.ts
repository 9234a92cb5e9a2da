import { KNOWN_ASSETS } from '@chimera/contracts/judging/known-assets'
import { RegistryKind } from '@chimera/contracts/judging/registry'
import type { Command } from 'commander'

import type { CliContext } from '../../context.ts'
import { oneOf } from '../../option-values.ts'
import type { KnownOptions } from './known-assets.ts'
import type { AddOptions, ListOptions, RemoveOptions } from './registry.ts'

const KINDS = RegistryKind.options.join(', ')

const NETWORKS = Object.keys(KNOWN_ASSETS)

/** Adds `registry ls|known|add|remove`. */
export function registerRegistryCommands(program: Command, context: CliContext): void {
  const registry = program
    .command('registry')
    .description('where words and money may go: the address book that only people write')
  registry
    .command('ls')
    .description('rows that hold, by kind and name')
    .option('--kind <kind>', `only those of this kind: ${KINDS}`, oneOf(RegistryKind.options))
    .option('--all', 'also what was removed or changed')
    .option('--json', 'print a JSON array')
    .action(async (options: ListOptions) => {
      const { listEntries } = await import('./registry.ts')
      await listEntries(options, context)
    })
  registry
    .command('known')
    .description('assets of a network: decimals and contract, to be looked at and then added')
    .option(
      '--network <name>',
      `one of ${NETWORKS.join(', ')}; what is real has to be named`,
      oneOf(NETWORKS),
      'simulated',
    )
    .option('--add', 'add those that the registry has no row of; what is there stays as it is')
    .option('--json', 'print a JSON array')
    .action(async (options: KnownOptions) => {
      const { knownAssets } = await import('./known-assets.ts')
      await knownAssets(options, context)
    })
  registry
    .command('add <kind> <name> <value>')
    .description(`a row, or the next version of it (${KINDS}); an asset's value is JSON`)
    .option('--note <text>', 'why, for the record', '')
    .option('--json', 'print JSON')
    .action(async (kind: string, name: string, value: string, options: AddOptions) => {
      const { addEntry } = await import('./registry.ts')
      await addEntry({ kind, name, value }, options, context)
    })
  registry
    .command('remove <kind> <name>')
    .description('a row: from now on it allows nothing')
    .option('--reason <text>', 'why, for the record', '')
    .option('--json', 'print JSON')
    .action(async (kind: string, name: string, options: RemoveOptions) => {
      const { removeEntry } = await import('./registry.ts')
      await removeEntry({ kind, name }, options, context)
    })
}

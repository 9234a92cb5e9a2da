import { DEFAULT_AGENT } from '@chimera/contracts/ids'
import { MAX_RECALLED } from '@chimera/contracts/judging/memory'
import { MAX_STEP, USUAL_STEP } from '@chimera/contracts/judging/memory-upkeep'
import type { Command } from 'commander'

import type { CliContext } from '../../context.ts'
import { wholeNumber } from '../../option-values.ts'
import type { ListOptions, SearchOptions } from './memories.ts'
import type { MigrateOptions } from './migrate.ts'
import type { ReEmbedOptions } from './re-embed.ts'

const MAX_LISTED = 10_000

/** Adds `memory search|ls|show|forget|re-embed|migrate`. */
export function registerMemoryCommands(program: Command, context: CliContext): void {
  const memory = program
    .command('memory')
    .description('what agents remember: search, list, show, forget; and its vectors')
  memory
    .command('search <question>')
    .description('what an agent would recall, the best first, and why')
    .option('--agent <id>', 'whose memories', DEFAULT_AGENT)
    .option('--limit <n>', 'at most so many', wholeNumber({ least: 1, most: MAX_RECALLED }), 5)
    .option('--json', 'print {backend, embedder, memories}')
    .action(async (question: string, options: SearchOptions) => {
      const { searchMemories } = await import('./memories.ts')
      await searchMemories(question, options, context)
    })
  memory
    .command('ls')
    .description('memories, newest first')
    .option('--agent <id>', 'only those of this agent')
    .option('--limit <n>', 'at most so many', wholeNumber({ least: 1, most: MAX_LISTED }), 50)
    .option('--json', 'print a JSON array')
    .action(async (options: ListOptions) => {
      const { listMemories } = await import('./memories.ts')
      await listMemories(options, context)
    })
  memory
    .command('show <id>')
    .description('one memory: its words, and where they came from')
    .option('--json', 'print JSON')
    .action(async (id: string, options: { json?: boolean }) => {
      const { showMemory } = await import('./memories.ts')
      await showMemory(id, options, context)
    })
  memory
    .command('forget <ids...>')
    .description('forget memories for good; prints those that were there')
    .option('--json', 'print {forgotten}')
    .action(async (ids: string[], options: { json?: boolean }) => {
      const { forgetMemories } = await import('./memories.ts')
      await forgetMemories(ids, options, context)
    })
  registerUpkeepCommands(memory, context)
}

function registerUpkeepCommands(memory: Command, context: CliContext): void {
  const batch = wholeNumber({ least: 1, most: MAX_STEP })
  memory
    .command('re-embed')
    .description('make the vectors anew that another embedder made; stopped, it goes on next time')
    .option('--agent <id>', 'of this agent alone')
    .option('--all', 'of all tenants of the house')
    .option('--drop-old', 'delete the collection before, where vectors change their size')
    .option('--batch <n>', 'memories of one step', batch, USUAL_STEP)
    .option('--json', 'print a line of JSON for each step')
    .action(async (options: ReEmbedOptions) => {
      const { reEmbedMemories } = await import('./re-embed.ts')
      await reEmbedMemories(options, context)
    })
  memory
    .command('migrate')
    .description(
      'copy what Weaviate has into a collection of the layout of today, and go over to it',
    )
    .option('--drop-old', 'delete the collections that were left')
    .option('--batch <n>', 'memories of one step', batch, USUAL_STEP)
    .option('--json', 'print a line of JSON for each step')
    .action(async (options: MigrateOptions) => {
      const { migrateMemories } = await import('./migrate.ts')
      await migrateMemories(options, context)
    })
}

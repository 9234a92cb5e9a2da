import { DEFAULT_AGENT } from '@chimera/contracts/ids'
import { MAX_RECALLED } from '@chimera/contracts/judging/memory'
import type { Command } from 'commander'

import type { CliContext } from '../../context.ts'
import { wholeNumber } from '../../option-values.ts'
import type { ListOptions, SearchOptions } from './memories.ts'

const MAX_LISTED = 10_000

/** Adds `memory search|ls|show|forget`. */
export function registerMemoryCommands(program: Command, context: CliContext): void {
  const memory = program
    .command('memory')
    .description('search, list, show and forget what agents remember')
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
}

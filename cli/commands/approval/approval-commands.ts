import { ApprovalState } from '@chimera/contracts/judging/approval'
import type { Command } from 'commander'

import type { CliContext } from '../../context.ts'
import { oneOf, wholeNumber } from '../../option-values.ts'
import type { DecideOptions } from './decide-approval.ts'
import type { ListOptions } from './show-approvals.ts'

const MAX_LISTED = 10_000

/** Adds `approval ls|show|approve|edit|reject|respond`. */
export function registerApprovalCommands(program: Command, context: CliContext): void {
  const approval = program
    .command('approval')
    .description('what waits for a person: list it, show it and decide')
  approval
    .command('ls')
    .description('open requests, the one that expires first on top')
    .option('--state <state>', 'those in this state', oneOf([...ApprovalState.options, 'all']))
    .option('--goal <id>', 'only those of this goal')
    .option('--limit <n>', 'at most so many', wholeNumber({ least: 1, most: MAX_LISTED }), 50)
    .option('--json', 'print a JSON array')
    .action(async (options: ListOptions) => {
      const { list } = await import('./show-approvals.ts')
      await list(options, context)
    })
  approval
    .command('show <id>')
    .description('the exact arguments, who asks, why, and what is new in it')
    .option('--json', 'print JSON')
    .action(async (id: string, options: { json?: boolean }) => {
      const { show } = await import('./show-approvals.ts')
      await show(id, options, context)
    })
  const said = (name: 'approve' | 'reject' | 'respond', of: string, needsReason: boolean): void => {
    const command = approval.command(`${name} <id>`).description(of)
    const reason = ['--reason <text>', 'why, for the record'] as const
    if (needsReason) command.requiredOption(...reason)
    else command.option(...reason)
    command.option('--json', 'print JSON').action(async (id: string, options: DecideOptions) => {
      const { decideApproval } = await import('./decide-approval.ts')
      await decideApproval({ id, decision: name, options }, context)
    })
  }
  said('approve', 'let exactly this happen, once', false)
  said('reject', 'let it not happen; after the grant: call it back', true)
  said('respond', 'send these words back to the Worker, which tries again', true)
  approval
    .command('edit <id>')
    .description('put other arguments in their place; every gate looks at them again')
    .option('--args <json>', 'all arguments, as a JSON object')
    .option('--file <path>', 'the same from a file, - for standard input')
    .option('--set <name=value>', 'change one argument, as JSON or text; again for more', collect)
    .option('--reason <text>', 'why, for the record')
    .option('--json', 'print JSON')
    .action(async (id: string, options: DecideOptions) => {
      const { decideApproval } = await import('./decide-approval.ts')
      await decideApproval({ id, decision: 'edit', options }, context)
    })
}

const collect = (value: string, before: readonly string[] = []): string[] => [...before, value]

import type { CliContext } from '../../context.ts'
import { getLocalStack } from '../../local-stack.ts'
import { renderTable } from '../../terminal-table.ts'
import { plain, printableJson } from '../../terminal-text.ts'
import { queryStatus } from '../stack/status-query.ts'

/** Tool servers as `chimera status` has them. */
export async function listTools(options: { json?: boolean }, context: CliContext): Promise<void> {
  const report = await getLocalStack(context)
  const { tools } = await queryStatus(report, (sentence) => context.err(plain(sentence)))
  if (options.json === true) return context.out(printableJson(tools))
  const rows = tools.map((tool) => [
    tool.name,
    tool.account,
    tool.backend,
    tool.grants,
    tool.state,
    tool.reason ?? '',
    tool.ledger.seq,
    tool.url,
  ])
  const head = ['tool', 'account', 'back end', 'grants', 'state', 'why', 'ledger seq', 'url']
  for (const line of renderTable(head, rows)) context.out(line)
}

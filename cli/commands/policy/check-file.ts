import { lintPolicy } from '@chimera/domain/policy/lint-policy'
import { z } from 'zod'

import type { CliContext } from '../../context.ts'
import { CliExit, EXIT } from '../../exit-codes.ts'
import { openGatewayClient } from '../../gateway-client.ts'
import { renderTable } from '../../terminal-table.ts'
import { printableJson } from '../../terminal-text.ts'
import { readPolicyFile } from './read-policy-file.ts'

/** Checks a file without a stack. Exit 1 when it could not be applied. */
export function lintFile(
  file: string,
  options: Readonly<{ json?: boolean }>,
  context: CliContext,
): void {
  const { document } = readPolicyFile(file)
  const findings = lintPolicy(document)
  if (options.json === true) {
    context.out(printableJson({ name: document.name, rules: document.rules.length, findings }))
  } else {
    const rows = findings.map(({ level, rule, message }) => [level, rule ?? '', message])
    if (rows.length > 0) {
      for (const line of renderTable(['level', 'rule', 'what'], rows)) context.out(line)
    }
    const { name, rules } = document
    context.out(`${name}: ${rules.length} rules, ${findings.length} findings.`)
  }
  if (findings.some(({ level }) => level === 'error')) throw new CliExit(EXIT.failed, '')
}

const Diff = z.object({
  version: z.int(),
  changes: z.array(
    z.object({ what: z.string(), id: z.string(), before: z.unknown(), after: z.unknown() }),
  ),
})

/** What a file would change of the version in force, or of another. */
export async function diffFile(
  file: string,
  options: Readonly<{ json?: boolean; version?: number }>,
  context: CliContext,
): Promise<void> {
  const { source } = readPolicyFile(file)
  const client = await openGatewayClient(context)
  const { version } = options
  const body = { source, ...(version === undefined ? {} : { version }) }
  const answer = await client.post('/v1/policy/diff', body)
  if (options.json === true) return context.out(printableJson(answer))
  const { version: compared, changes } = Diff.parse(answer)
  if (changes.length === 0) return context.out(`Nothing differs from version ${compared}.`)
  for (const { what, id, before, after } of changes) {
    context.out(`${what} ${id}`)
    if (before !== null) context.out(`  - ${printableLine(before)}`)
    if (after !== null) context.out(`  + ${printableLine(after)}`)
  }
}

const printableLine = (value: unknown): string => printableJson(value).replaceAll(/\s*\n\s*/g, ' ')

import { readdirSync } from 'node:fs'
import path from 'node:path'

import type { LedgerLine } from '@chimera/contracts/tool-control'
import { findStack } from '@chimera/infra/stack/control-client'
import { findStateDir, stateDirPaths } from '@chimera/infra/stack/state-dir'
import { openToolControl } from '@chimera/infra/tools/tool-control'

import type { CliContext } from '../../context.ts'
import { CliExit, EXIT } from '../../exit-codes.ts'
import { readSecretFile } from '../../local-stack.ts'
import { renderTable } from '../../terminal-table.ts'
import { plain, printableJson } from '../../terminal-text.ts'
import { readDeadLedger } from './read-dead-ledger.ts'

const SUFFIX = '.sqlite'

/**
 * Prints the ledger of a tool (or of one account of it): from the live server, else from its file.
 */
export async function printLedger(
  name: string,
  options: { jsonl?: boolean },
  context: CliContext,
): Promise<void> {
  const stateDir = findStateDir(context.env)
  const files = ledgerFiles(stateDir, name)
  const lines = (await askLive(stateDir, name, context)) ?? (await readFiles(files, name))
  if (options.jsonl === true) {
    for (const line of lines) context.out(printableJson(line))
    return
  }
  const rows = lines.map((line) => [
    line.seq,
    line.effect_key.slice(0, 16),
    line.round,
    line.state,
    line.claimed_at,
    line.grant_id,
  ])
  const head = ['seq', 'effect key', 'round', 'state', 'claimed', 'grant']
  for (const line of renderTable(head, rows)) context.out(line)
}

/** What the servers of that name say; nothing when none of them answers. */
async function askLive(
  stateDir: string,
  name: string,
  context: CliContext,
): Promise<LedgerLine[] | undefined> {
  const stack = await findStack(stateDir).catch(() => undefined)
  const report = await stack?.report().catch(() => undefined)
  const named = report?.tools.filter((tool) => tool.name === name || tool.account === name) ?? []
  if (named.length === 0) return undefined
  const token = await readSecretFile(stateDirPaths(stateDir).keyFiles.controlToken)
  try {
    const all = await Promise.all(named.map(({ url }) => openToolControl({ url, token }).ledger()))
    return all.flat()
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    context.err(`${name} does not answer, so its file is read: ${plain(reason)}`)
    return undefined
  }
}

async function readFiles(files: readonly string[], name: string): Promise<LedgerLine[]> {
  if (files.length === 0) {
    throw new CliExit(EXIT.notFound, `There is no ledger of ${plain(name)} here.`)
  }
  const lines: LedgerLine[] = []
  for (const file of files) lines.push(...(await readDeadLedger(file)))
  return lines
}

/** `ledgers/<tool>/<account>.sqlite`, by the name of the tool or of the account. */
function ledgerFiles(stateDir: string, name: string): string[] {
  const { ledgers } = stateDirPaths(stateDir)
  return list(ledgers).flatMap((tool) =>
    list(path.join(ledgers, tool))
      .filter((file) => file.endsWith(SUFFIX))
      .filter((file) => tool === name || file.slice(0, -SUFFIX.length) === name)
      .map((file) => path.join(ledgers, tool, file)),
  )
}

/** A folder that is not there holds nothing. */
function list(folder: string): string[] {
  try {
    return readdirSync(folder).toSorted()
  } catch {
    return []
  }
}

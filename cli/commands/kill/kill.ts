import type { KillReply } from '@chimera/contracts/tool-control'
import { findStateDir, stateDirPaths } from '@chimera/infra/stack/state-dir'
import { openToolControl } from '@chimera/infra/tools/tool-control'

import { actorOf } from '../../actor.ts'
import type { CliContext } from '../../context.ts'
import { CliExit, EXIT } from '../../exit-codes.ts'
import { getLocalStack, readSecretFile } from '../../local-stack.ts'
import { renderTable } from '../../terminal-table.ts'
import { plain, printableJson } from '../../terminal-text.ts'

export type KillOptions = Readonly<{ account?: string; reason: string; json?: boolean }>

/** The servers whose accounts have a kill level. */
const SERVER = 'trading'

type Answer = Readonly<{ account: string }> & KillReply

/** Prints the kill level of every trading account that runs here. */
export async function showKill(
  options: Omit<KillOptions, 'reason'>,
  context: CliContext,
): Promise<void> {
  const token = await readSecretFile(pathsOf(context).keyFiles.stopToken)
  print(await askAll(options, context, async (url) => openToolControl({ url, token }).kill()), {
    ...options,
    context,
  })
}

/**
 * Sets the level straight at the tool servers, without gateway, Redis or Postgres. Raising takes
 * the stop token, lowering the operator's own, which no tool and no role has.
 */
export async function setKill(
  options: KillOptions & Readonly<{ level: number; isLowering?: boolean }>,
  context: CliContext,
): Promise<void> {
  const { tradingKillToken, stopToken } = pathsOf(context).keyFiles
  const token = await readSecretFile(options.isLowering === true ? tradingKillToken : stopToken)
  const { level, reason } = options
  const body = { level, reason, actor: actorOf(context) }
  const answers = await askAll(options, context, async (url) =>
    openToolControl({ url, token }).setKill(body),
  )
  print(answers, { ...options, context })
}

const pathsOf = (context: CliContext): ReturnType<typeof stateDirPaths> =>
  stateDirPaths(findStateDir(context.env))

async function askAll(
  { account }: Readonly<{ account?: string }>,
  context: CliContext,
  ask: (url: string) => Promise<KillReply>,
): Promise<Answer[]> {
  const { tools } = await getLocalStack(context)
  const servers = tools
    .filter(({ name }) => name === SERVER)
    .filter((tool) => account === undefined || tool.account === account)
  if (servers.length === 0) {
    const which = account === undefined ? '' : ` of ${plain(account)}`
    throw new CliExit(EXIT.notFound, `No trading server${which} runs here.`)
  }
  return Promise.all(
    servers.map(async (server) => ({ account: server.account, ...(await ask(server.url)) })),
  )
}

function print(
  answers: readonly Answer[],
  { json, context }: Readonly<{ json?: boolean; context: CliContext }>,
): void {
  if (json === true) {
    context.out(printableJson(answers))
    return
  }
  const rows = answers.map(({ account, level, history: [last] }) => [
    account,
    level,
    last?.reason ?? '',
    last?.actor ?? '',
    last?.at ?? '',
  ])
  const head = ['account', 'kill level', 'reason', 'by', 'since']
  for (const line of renderTable(head, rows)) context.out(line)
}

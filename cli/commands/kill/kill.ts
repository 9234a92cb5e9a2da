import { ChimeraError, ERROR_CODES } from '@chimera/contracts/errors'
import { KILL_LEVELS } from '@chimera/contracts/judging/kill'
import { KillReport, KillView } from '@chimera/contracts/observable'
import { findStateDir, stateDirPaths } from '@chimera/infra/stack/state-dir'
import { loadConfig } from '@chimera/runtime/config'

import type { CliContext } from '../../context.ts'
import { failWhenUnreached } from '../../fence-report.ts'
import { openGatewayClient } from '../../gateway-client.ts'
import { readSecretFile } from '../../local-stack.ts'
import { renderTable } from '../../terminal-table.ts'
import { plain, printableJson } from '../../terminal-text.ts'
import { killServersHere, showServersHere } from './kill-servers-here.ts'

export type KillOptions = Readonly<{ tenant?: string; reason: string; json?: boolean }>

/** A gateway that takes longer is taken for dead, and the tool servers are told without it. */
const GATEWAY_WITHIN_MS = 2_000

/** Prints the levels of the record, and what each tool server holds; that alone without it. */
export async function showKill(options: { json?: boolean }, context: CliContext): Promise<void> {
  const client = await openGatewayClient(context, { withinMs: GATEWAY_WITHIN_MS }).catch(orAway)
  const answer = await client?.get('/v1/kill').catch((error: unknown) => tellAway(error, context))
  const view = answer === undefined ? await showServersHere(context) : KillView.parse(answer)
  if (options.json === true) {
    context.out(printableJson(view))
    return
  }
  const levels = view.levels.map((one) => [
    one.scope,
    `${one.level} ${one.name}`,
    plain(one.reason),
    one.auto ? `a rule (${plain(one.actor)})` : plain(one.actor),
    one.changed_at,
  ])
  for (const line of renderTable(['scope', 'kill level', 'reason', 'by', 'since'], levels)) {
    context.out(line)
  }
  context.out('')
  const tools = view.tools.map(({ name, level }) => [name, level ?? 'not reached'])
  for (const line of renderTable(['tool server', 'holds'], tools)) context.out(line)
}

/**
 * Raises the level through the gateway, which writes the row and tells every tool server; straight
 * at the tool servers when the gateway, or the record behind it, is gone. Exit 1 when a server was
 * not reached: it may still act as before.
 */
export async function raiseKill(
  options: KillOptions & Readonly<{ level: number }>,
  context: CliContext,
): Promise<void> {
  const body = bodyOf(options)
  const asked = await askGateway(context, async (client) => client.post('/v1/kill', body))
  const token = async () => readSecretFile(pathsOf(context).keyFiles.stopToken)
  finish(asked ?? (await killServersHere({ ...body, token: await token() }, context)), {
    ...options,
    context,
  })
}

/** Lowers it, with the operator's own token, on the same two ways. */
export async function lowerKill(
  options: KillOptions & Readonly<{ level: number }>,
  context: CliContext,
): Promise<void> {
  const body = bodyOf(options)
  const token = await operatorsToken(context)
  const headers = { 'chimera-kill-token': token }
  const asked = await askGateway(context, async (client) =>
    client.post('/v1/kill/lower', body, headers),
  )
  finish(asked ?? (await killServersHere({ ...body, token }, context)), { ...options, context })
}

const bodyOf = ({ tenant, level, reason }: KillOptions & { level: number }) => ({
  scope: tenant === undefined ? 'everything' : `tenant:${tenant}`,
  level,
  reason,
})

const pathsOf = (context: CliContext): ReturnType<typeof stateDirPaths> =>
  stateDirPaths(findStateDir(context.env))

async function operatorsToken(context: CliContext): Promise<string> {
  const { CHIMERA_KILL_TOKEN: token } = loadConfig(['cli'], context.env)
  return token ?? (await readSecretFile(pathsOf(context).keyFiles.killToken))
}

type Client = Awaited<ReturnType<typeof openGatewayClient>>

/** The gateway's report; nothing when it cannot be had, and then the reason is told. */
async function askGateway(
  context: CliContext,
  ask: (client: Client) => Promise<unknown>,
): Promise<KillReport | undefined> {
  try {
    const client = await openGatewayClient(context, { withinMs: GATEWAY_WITHIN_MS })
    return KillReport.parse(await ask(client))
  } catch (error) {
    return tellAway(error, context)
  }
}

/** What the gateway, or a server that it needs, could not do is told; what it refused is thrown. */
function tellAway(error: unknown, context: CliContext): undefined {
  orAway(error)
  const message = error instanceof Error ? error.message : String(error)
  context.err(`${plain(message)}\nAsking the tool servers without it.`)
  return undefined
}

function orAway(error: unknown): undefined {
  const isAway =
    error instanceof ChimeraError &&
    (ERROR_CODES[error.code].kind === 'retryable' || error.code === 'INVARIANT')
  if (!isAway) throw error
  return undefined
}

function finish(
  report: KillReport,
  { json, context }: Readonly<{ json?: boolean; context: CliContext }>,
): void {
  if (json === true) context.out(printableJson(report))
  else for (const line of render(report)) context.out(line)
  failWhenUnreached(report.tools)
}

function render({ scope, level, acknowledged_at: at, tools }: KillReport): string[] {
  const name = level === null ? '' : ` (${KILL_LEVELS[level] ?? ''})`
  const said = level === null ? 'The record was not asked' : `The kill level is ${level}${name}`
  return [
    `${said}: ${scope}, ${at}.`,
    ...renderTable(
      ['tool server', 'result', 'holds', 'in flight'],
      tools.map((tool) => [
        tool.name,
        tool.result,
        tool.level ?? '-',
        tool.in_flight.join(', ') || '-',
      ]),
    ),
  ]
}

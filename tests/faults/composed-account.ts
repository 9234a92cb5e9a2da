import { join } from 'node:path'

import { DEFAULT_TENANT, newId } from '@chimera/contracts/ids'
import { upsertAccount } from '@chimera/infra/database/tools/upsert-account'
import { keepSigningKeys } from '@chimera/infra/stack/keys/signing-keys'
import { claimPort } from '@chimera/infra/stack/processes/port-claim'
import { checkoutRoot, stateDirPaths } from '@chimera/infra/stack/state-dir'

import { eventually } from '../e2e/stack-rig.ts'
import { keepRunning, type StandIn } from '../e2e/stand-in.ts'
import { type FaultRig, SHORT } from './fault-rig.ts'
import { tweetEnvironment } from './storm/second-process.ts'

const OPENS_WITHIN_MS = 30_000

/** An account beside the stack's own, on the same X, and the agent whose goals go there. */
export type ComposedAccount = AsyncDisposable & Readonly<{ agent: string; tool: StandIn }>

/**
 * Starts a tweet server without the guards that `composed` names (`without=claim`), which may die
 * at a crash point, and waits until the record's grants can reach it.
 */
export async function openComposedAccount(
  { rig, record }: FaultRig,
  of: { composed: readonly string[]; crashAt?: string },
): Promise<ComposedAccount> {
  const [name, account, agent] = ['tweet-composed', 'x-composed', 'agent-composed']
  const report = await rig.report()
  const paths = stateDirPaths(rig.stateDir)
  await keepSigningKeys({
    privateFiles: [paths.receiptPrivate(name)],
    jwksFile: paths.keyFiles.receiptJwks,
  })
  await using stack = new AsyncDisposableStack()
  const { port } = stack.use(await claimPort())
  const tool = stack.use(
    await keepRunning({
      name,
      main: join(checkoutRoot(), 'tests', 'integration', 'tool-composed.ts'),
      args: of.composed,
      env: {
        ...SHORT,
        ...tweetEnvironment(report, { account, name, xUrl: report.simulated[0]?.url ?? '' }),
        // What a composition does too much must not be held off by something else.
        TWEET_COOLDOWN_MS: '1',
        TOOL_PORT: String(port),
        CHIMERA_RUN_ID: newId(),
        ...(of.crashAt === undefined ? {} : { CHIMERA_CRASH_AT: of.crashAt }),
      },
    }),
  )
  await upsertAccount(record, {
    account,
    server: 'tweet',
    url: `http://127.0.0.1:${port}`,
    backend: 'simulated',
    live: false,
    bindings: [{ tenantId: DEFAULT_TENANT, agentId: agent, tool: 'post_tweet' }],
  })
  const isOpen = async () => {
    const rows = await record.query({
      text: `SELECT FROM tool_accounts WHERE account = $1 AND state = 'open'`,
      values: [account],
    })
    return rows.length === 1 || undefined
  }
  await eventually(isOpen, OPENS_WITHIN_MS, `${account} opens`).catch((cause: unknown) => {
    throw new Error(`${String(cause)}\n${tool.log()}`, { cause })
  })
  const open = stack.move()
  return { agent, tool, [Symbol.asyncDispose]: () => open.disposeAsync() }
}

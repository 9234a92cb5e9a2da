/**
 * The wallet in a composition of the tests: the product's parts with a signer of the tests in place
 * of AgentKit, but for the guards that `without=` names (see `tool-without.ts`).
 */
import type { Config } from '@chimera/contracts/config'
import type { Ledger } from '@chimera/mcp-kit/ledger/ledger'
import { openToolProcess, type ToolKind } from '@chimera/mcp-kit/open-tool-process'
import { RULES, type Rules } from '@chimera/mcp-kit/protocol/rules'
import { runStdio } from '@chimera/mcp-kit/run-stdio'
import { loadConfig } from '@chimera/runtime/config'
import { runProcess } from '@chimera/runtime/run-process'

import { parsePrivateKey } from '#wallet/signing/private-key'
import { walletKind } from '#wallet/wallet-kind'

import { WITHOUT } from '../tool-without.ts'
import { testSigner } from './test-signer.ts'

const argument = process.argv.find((each) => each.startsWith('without='))
const names = argument?.slice('without='.length).split(',') ?? []

const testKind = (config: Config<'wallet'>, account: string): ToolKind => {
  const openSigner = () => testSigner(parsePrivateKey(config.WALLET_PRIVATE_KEY ?? ''))
  return compose(walletKind({ config, account, isCrashArmed: false, openSigner }))
}

if (process.argv.includes('--stdio')) {
  await runStdio({
    name: 'wallet',
    env: process.env,
    open: ({ config }) => testKind(loadConfig(['wallet'], process.env), config.TOOL_ACCOUNT),
  })
} else {
  await runProcess({
    name: 'wallet',
    sections: ['toolServer', 'wallet'],
    start: async (context) =>
      openToolProcess(context, testKind(context.config, context.config.TOOL_ACCOUNT)),
  })
}

function compose(kind: ToolKind): ToolKind {
  let ledger: Ledger | undefined
  const composed: ToolKind & { rules: Rules } = {
    ...kind,
    rules: RULES,
    tools: (opened) => kind.tools((ledger = opened)),
  }
  for (const name of names) {
    const change = WITHOUT[name]
    if (change === undefined) throw new Error(`There is no guard "${name}" to take out.`)
    const held = (): Ledger => {
      if (ledger === undefined) throw new Error('The ledger is not open yet.')
      return ledger
    }
    Object.assign(composed, change(composed, held))
  }
  return composed
}

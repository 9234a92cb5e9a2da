/**
 * What tools/list shows of the wallet; see tool-catalogue.test.ts. The same with and without its
 * packages, on every network and under every limit.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { canonicalHash } from '@chimera/contracts/canonical'
import { TOOLS } from '@chimera/contracts/tools'
import { SIMULATED_LIMITS } from '@chimera/infra/stack/wallet/simulated-limits'
import { openLedger } from '@chimera/mcp-kit/ledger/ledger'
import { afterAll, expect, test } from 'vitest'

import { openJsonRpc } from '#wallet/chain/json-rpc'
import { NETWORKS } from '#wallet/chain/networks'
import { WalletLimits } from '#wallet/limits/wallet-limits'
import { SIMULATED_FEED, SIMULATED_TOKEN } from '#wallet/simulated-evm/known-contracts'
import { walletTools } from '#wallet/tools/wallet-tools'

import { CHECKOUT } from '../source-tree.ts'

const folder = mkdtempSync(join(tmpdir(), 'chimera-catalogue-'))
const ledger = openLedger({ path: join(folder, 'ledger.sqlite'), account: 'pinned' })

afterAll(() => {
  ledger[Symbol.dispose]()
  rmSync(folder, { recursive: true, force: true })
})

const rpcUrl = 'http://127.0.0.1:9'
const neverAsked = async (): Promise<never> => {
  throw new Error('A definition asks for no key.')
}
const wallet = walletTools({
  network: NETWORKS.simulated,
  rpcUrl,
  rpc: openJsonRpc({ url: rpcUrl }),
  signer: { address: neverAsked, sign: neverAsked },
  limits: WalletLimits.parse(SIMULATED_LIMITS),
  ledger,
  sendTimeoutMs: 10_000,
  followMs: 20_000,
})

test('the definitions of the wallet', async () => {
  const definitions = wallet.map(({ definition }) => definition)
  await expect(`${JSON.stringify(definitions, null, 2)}\n`).toMatchFileSnapshot(
    join(CHECKOUT, 'contracts', 'schemas', 'tools', 'wallet.json'),
  )
  const hashes = wallet.map(({ definition }) => `${definition.name} ${canonicalHash(definition)}`)
  expect(hashes).toMatchInlineSnapshot(`
    [
      "transfer_native 4ef446717a35211fecf7baf4cf8fbc339564bba882a999924bd7889c9c62f749",
      "transfer_erc20 eaa6df40b961d928d6572d5ac1132633eda56964bbcc39bf463139001340cf81",
      "unstick_transfer 035457389f9fdda9d6fbb2e15a14f32feea6e07ac19b51b7c489af5dfdeb071b",
      "get_balances a5f40c0d7e4e6330569c8e3119ff901be24b78722962ec358d09795531dd5a96",
      "simulate_transfer ecda20b1ee52adc114ec905a8e28d680f6930ebc18241fa5045881348f59b71b",
      "check_spend 2776a66fe55503385a91228815e8fdf000eac6ffd7d7bfe2ed07e4fc592c30f6",
      "get_limits b63877f7fe0fff28fa9b8c6bb2ac43d69a8ad998445781ec3e7f35a5cf8f43e1",
      "get_transfer 770b369a64225c2f7b22112f00402ed631c116081a6cd01675c6cd3dc07ed5a0",
      "list_transfers 8c0fc4f9b3de428193b97ae68bc75a862f42e15140bf2872d86e9b6c6e63c5fe",
    ]
  `)
})

test('the tools of the wallet are those of the contract', () => {
  const planned = Object.entries(TOOLS).filter(([, tool]) => tool.server === 'wallet')
  const served = new Map(wallet.map((tool) => [tool.definition.name, tool]))
  expect([...served.keys()].toSorted()).toEqual(planned.map(([name]) => name).toSorted())
  for (const [name, { mutating, scope }] of planned) {
    expect(served.get(name), name).toMatchObject({ scope, kind: mutating ? 'effect' : 'read' })
  }
})

test('the limits of a new installation name the contracts that its chain has', () => {
  const [eth, usdc] = SIMULATED_LIMITS.assets
  expect(eth?.price).toMatchObject({ contract: SIMULATED_FEED })
  expect(usdc).toMatchObject({ contract: SIMULATED_TOKEN })
})

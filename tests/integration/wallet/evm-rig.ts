/** The simulated chain in this process, with a real anvil, and what tests ask of it. */
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

import { SimulatedRequest } from '@chimera/contracts/observable'
import { beforeEach } from 'vitest'
import { z } from 'zod'

import type { Address } from '#wallet/chain/address'
import { balanceCall } from '#wallet/chain/erc20'
import { HexQuantity, hexOf } from '#wallet/chain/hex'
import { anvilBinary } from '#wallet/simulated-evm/anvil-binary'
import { SIMULATED_TOKEN } from '#wallet/simulated-evm/known-contracts'
import { openSimulatedEvm } from '#wallet/simulated-evm/open-simulated-evm'

const MISSING =
  anvilBinary(process.env['PATH'] ?? '') === undefined
    ? 'anvil is not installed (npm ci in mcp-tools/wallet)'
    : undefined

/** The tests of the file, or of the `describe`, are skipped where there is no anvil. */
export function needsAnvil(): void {
  beforeEach(({ skip }) => {
    if (MISSING !== undefined) skip(MISSING)
  })
}

const Control = z.looseObject({ anvil_url: z.string() })
const Reply = z.object({ result: z.unknown(), error: z.object({ message: z.string() }).optional() })

export type EvmRig = AsyncDisposable &
  Readonly<{
    url: string
    record: string
    tell: (control: object) => Promise<void>
    /** Asks anvil itself, behind the door. */
    anvil: (method: string, ...params: unknown[]) => Promise<unknown>
    broadcasts: () => SimulatedRequest[]
    taken: () => SimulatedRequest[]
    balanceOf: (address: string) => Promise<bigint>
    tokensOf: (address: Address) => Promise<bigint>
    nonceOf: (address: string) => Promise<number>
  }>

/** Starts one; with the record of an earlier one it is where that one was. */
export async function openEvmRig(folder: string): Promise<EvmRig> {
  const record = join(folder, 'evm.jsonl')
  const binary = anvilBinary(process.env['PATH'] ?? '')
  if (binary === undefined) throw new Error(MISSING)
  const evm = await openSimulatedEvm({ port: 0, recordPath: record, binary })
  const control = async (body?: object) => {
    const asked = body === undefined ? {} : { method: 'POST', body: JSON.stringify(body) }
    const response = await fetch(`${evm.url}/__control`, asked)
    if (!response.ok) throw new Error(await response.text())
    return Control.parse(await response.json())
  }
  const { anvil_url: anvilUrl } = await control()
  const anvil = async (method: string, ...params: unknown[]): Promise<unknown> => {
    const response = await fetch(anvilUrl, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ jsonrpc: '2.0', id: 1, method, params }),
    })
    const { result, error } = Reply.parse(await response.json())
    if (error !== undefined) throw new Error(error.message)
    return result
  }
  const quantity = async (method: string, ...params: unknown[]): Promise<bigint> =>
    HexQuantity.parse(await anvil(method, ...params))
  const broadcasts = (): SimulatedRequest[] => linesOf(record).filter(({ path }) => path === '/')
  return {
    url: evm.url,
    record,
    tell: async (body) => void (await control(body)),
    anvil,
    broadcasts,
    taken: () => broadcasts().filter(({ outcome }) => outcome !== 'refused'),
    balanceOf: (address) => quantity('eth_getBalance', address, 'latest'),
    tokensOf: (address) => {
      const call = { to: SIMULATED_TOKEN, data: hexOf(balanceCall(address)) }
      return quantity('eth_call', call, 'latest')
    },
    nonceOf: async (address) =>
      Number(await quantity('eth_getTransactionCount', address, 'latest')),
    [Symbol.asyncDispose]: () => evm[Symbol.asyncDispose](),
  }
}

function linesOf(record: string): SimulatedRequest[] {
  if (!existsSync(record)) return []
  return readFileSync(record, 'utf8')
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => SimulatedRequest.parse(JSON.parse(line)))
}

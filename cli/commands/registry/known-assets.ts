import { TerminalError } from '@chimera/contracts/errors'
import { isKnownNetwork, KNOWN_ASSETS } from '@chimera/contracts/judging/known-assets'
import { AssetValue, RegistryView } from '@chimera/contracts/judging/registry'
import { z } from 'zod'

import type { CliContext } from '../../context.ts'
import { openGatewayClient } from '../../gateway-client.ts'
import { renderTable } from '../../terminal-table.ts'
import { printableJson } from '../../terminal-text.ts'

export type KnownOptions = Readonly<{ network: string; add?: boolean; json?: boolean }>

/** An asset of a network, and what the registry has under its name. */
type Known = Readonly<{
  asset: AssetValue
  /** `differs`: somebody wrote another row, which stays. */
  registry: 'none' | 'there' | 'added' | 'differs'
}>

/**
 * Shows the assets of a network that are known, and adds those that the registry has no row of.
 * Nothing is ever added without this being asked for, and no row that a person wrote is changed.
 */
export async function knownAssets(options: KnownOptions, context: CliContext): Promise<void> {
  const { network, add = false, json = false } = options
  if (!isKnownNetwork(network)) throw new RangeError(`Nothing is known of ${network}.`)
  const client = await openGatewayClient(context)
  const answer = await client.get('/v1/registry', { kind: 'asset' })
  const { entries } = z.object({ entries: z.array(RegistryView) }).parse(answer)
  const known: Known[] = []
  for (const asset of KNOWN_ASSETS[network]) {
    const held = entries.find(({ name }) => name.toUpperCase() === asset.code)
    if (held !== undefined) {
      known.push({ asset, registry: isSame(held.value, asset) ? 'there' : 'differs' })
      continue
    }
    if (add) {
      const note = `known asset of ${network}`
      await client.post('/v1/registry', { kind: 'asset', name: asset.code, value: asset, note })
    }
    known.push({ asset, registry: add ? 'added' : 'none' })
  }
  if (json) context.out(printableJson(known))
  else show(known, context)
  const other = known.filter(({ registry }) => registry === 'differs')
  if (!add || other.length === 0) return
  const names = other.map(({ asset }) => asset.code).join(', ')
  const message = `The registry has another row of ${names}, which stays as it is.`
  throw new TerminalError('INPUT_INVALID', message)
}

/** Decimals are what a row is for; one that says no more than them says the same. */
function isSame(value: unknown, { code, decimals, contract }: AssetValue): boolean {
  const held = AssetValue.safeParse(value).data
  if (held?.code !== code || held.decimals !== decimals) return false
  return held.contract === undefined || held.contract === contract
}

function show(known: readonly Known[], context: CliContext): void {
  const rows = known.map(({ asset, registry }) => [
    asset.code,
    asset.decimals,
    asset.contract ?? 'the network itself',
    asset.network ?? '',
    registry,
  ])
  const head = ['asset', 'decimals', 'contract', 'network', 'registry']
  for (const line of renderTable(head, rows)) context.out(line)
}

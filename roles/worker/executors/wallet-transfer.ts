import { TerminalError } from '@chimera/contracts/errors'
import { isKnownAsset } from '@chimera/contracts/judging/known-assets'
import type { Pointer } from '@chimera/contracts/judging/provenance'
import { AssetValue, type RegistryKind } from '@chimera/contracts/judging/registry'
import { NATIVE_ASSET, parseUnits } from '@chimera/contracts/money'
import { transferTool } from '@chimera/domain/rule-planner/intent'
import type { NamedEntry } from '@chimera/infra/database/registry/find-registry-entry'

import { confidenceOfPlan } from './confidence-of-plan.ts'
import { defineExecutor, type ExecutorContext, type PayloadOf } from './executor.ts'

type Payment = ExecutorContext<PayloadOf<'wallet.transfer'>>
/** A value with the pointer by which the Judge finds it again. */
type Resolved = Readonly<{ value: string; pointer: Pointer }>
/** What a derivation may start from: everything but another derivation. */
type Ingredient = Exclude<Pointer, { source: 'derived' }>

/** An address that the owner wrote out needs no name. */
const EVM_ADDRESS = /^0x[0-9a-fA-F]{40}$/

/**
 * Proposes a payment in base units to an address: the asset's decimals and the recipient come from
 * the registry as it holds now, and every argument says so by its pointer. The Judge follows them
 * and makes the figures again; a row that has changed in between sends the task back here. What the
 * registry does not name fails the task, and nothing is proposed.
 */
export const walletTransfer = defineExecutor({
  kind: 'wallet.transfer',
  async execute(context) {
    const { task, payload } = context
    const { slot, asset, origin } = payload
    const [units, to] = await Promise.all([amountOf(context), recipientOf(context)])
    const isNative = asset === NATIVE_ASSET
    return {
      confidence: confidenceOfPlan(task.trust, origin),
      artifacts: [],
      evidence: [],
      proposed_effects: [
        {
          slot,
          tool: transferTool(asset),
          args: { ...(isNative ? {} : { asset }), to: to.value, amount: units.value },
          provenance: {
            ...(isNative ? {} : { '/asset': originOf(context, 'asset') }),
            '/to': to.pointer,
            '/amount': units.pointer,
          },
        },
      ],
    }
  },
})

/** The owner's figure by the decimals of the asset's row. */
async function amountOf(context: Payment): Promise<Resolved> {
  const { amount, asset } = context.payload
  const row = await rowOf(context, 'asset', asset)
  const parsed = AssetValue.safeParse(row.value)
  if (!parsed.success || parsed.data.code !== asset) {
    const message = `The registry's asset ${row.name} does not say what ${asset} is counted in.`
    throw new TerminalError('INPUT_INVALID', message)
  }
  const { decimals } = parsed.data
  const units = parseUnits(amount, decimals)
  if (units === undefined || units === 0n) {
    const message = `${amount} ${asset} is no amount: ${asset} has ${decimals} decimals.`
    throw new TerminalError('INPUT_INVALID', message)
  }
  const from = [originOf(context, 'amount'), pointerTo('asset', row)]
  return { value: units.toString(), pointer: { source: 'derived', rule: 'base-units', from } }
}

/** The address that the owner wrote, or the one of the name that the owner wrote. */
async function recipientOf(context: Payment): Promise<Resolved> {
  const { to } = context.payload
  const words = originOf(context, 'to')
  if (EVM_ADDRESS.test(to)) return { value: to, pointer: words }
  const row = await rowOf(context, 'address', to)
  if (typeof row.value !== 'string' || !EVM_ADDRESS.test(row.value)) {
    const message = `The registry's ${row.name} is no address that a wallet of ours pays to.`
    throw new TerminalError('INPUT_INVALID', message)
  }
  const from = [words, pointerTo('address', row)]
  return { value: row.value, pointer: { source: 'derived', rule: 'look-up', from } }
}

async function rowOf(context: Payment, kind: RegistryKind, name: string): Promise<NamedEntry> {
  const row = await context.findRegistryEntry(kind, name)
  if (row !== undefined) return row
  const message =
    `The registry has no ${kind} of the name ${name}; nothing is proposed. ` +
    `A policy admin adds it: chimera registry ${wordsFor(kind, name)}.`
  throw new TerminalError('REGISTRY_ENTRY_NOT_FOUND', message)
}

const wordsFor = (kind: RegistryKind, name: string): string =>
  kind === 'asset' && isKnownAsset(name) ? 'known --add' : `add ${kind} '${name}' <value>`

const pointerTo = (table: RegistryKind, { name, version }: NamedEntry): Ingredient => ({
  source: 'registry',
  table,
  id: name,
  version: String(version),
})

/** Where the planner took a parameter from. */
function originOf({ payload }: Payment, name: 'amount' | 'asset' | 'to'): Ingredient {
  const pointer = payload.origin[`/${name}`]
  if (pointer !== undefined && pointer.source !== 'derived') return pointer
  const message = `The plan does not say in whose words ${name} of the payment stands.`
  throw new TerminalError('INPUT_INVALID', message)
}

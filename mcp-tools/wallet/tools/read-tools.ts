import { TerminalError } from '@chimera/contracts/errors'
import { TOOLS } from '@chimera/contracts/tools'
import { windowOf } from '@chimera/mcp-kit/protocol/checks'
import { defineReadTool, type ServedTool } from '@chimera/mcp-kit/serving/define-tool'
import { z } from 'zod'

import { checksummed } from '../chain/address.ts'
import { readBalances } from '../chain/balances.ts'
import { checkSpends, WINDOWS } from '../limits/check-spends.ts'
import { feedsOf } from '../transfers/feeds-of.ts'
import { draftTransfer } from '../transfers/prepare-transfer.ts'
import { appraiser } from '../transfers/prices.ts'
import type { WalletParts } from '../transfers/wallet-parts.ts'
import { amount, asset, parseTransfer, to } from './transfer-tools.ts'

const units = z.string().describe('in base units, decimal digits')
const usdMicros = z.string().describe('in millionths of a US dollar')

const verdict = {
  allowed: z.boolean().describe('whether it would be done now'),
  refusal: z.string().describe('code of what speaks against it'),
  reason: z.string().describe('the same in a sentence'),
  wait_ms: z.int().nonnegative().describe('after which it may be allowed'),
}

/** What the wallet holds, asked of the chain. */
export function getBalances(parts: WalletParts): ServedTool {
  return defineReadTool({
    name: 'get_balances',
    title: 'What the wallet holds',
    description:
      'Reads the balances of this wallet from the chain, for every asset that its limits name. ' +
      'Throws an error when the chain does not answer: unknown is never zero.',
    scope: TOOLS.get_balances.scope,
    input: {},
    output: {
      address: z.string().describe('address of the wallet'),
      network: z.string(),
      balances: z.array(
        z.strictObject({
          asset: z.string(),
          amount: units,
          decimals: z.int(),
          usd_micros: usdMicros.optional(),
        }),
      ),
    },
    read: async () => {
      const { limits, signer, network, ledger } = parts
      const address = await signer.address()
      const { amounts, feeds } = await readBalances(parts, {
        of: address,
        assets: limits.assets,
        feeds: feedsOf(limits.assets),
      })
      const appraise = appraiser({ feeds, nowMs: ledger.wall() })
      const balances = limits.assets.map((each) => {
        const held = amounts.get(each.asset) ?? 0n
        const worth = appraise(each, held)
        return {
          asset: each.asset,
          amount: String(held),
          decimals: each.decimals,
          ...(typeof worth === 'bigint' ? { usd_micros: String(worth) } : {}),
        }
      })
      return { address: checksummed(address), network: network.name, balances }
    },
  })
}

const wish = { asset, to, amount }

/** Tries a transfer without making it. */
export function simulateTransfer(parts: WalletParts): ServedTool {
  return defineReadTool({
    name: 'simulate_transfer',
    title: 'Try a transfer without making it',
    description:
      'Runs a transfer against the newest block without signing or sending it: what it would use ' +
      'and cost, and whether chain, balance and limits would let it through now.',
    scope: TOOLS.simulate_transfer.scope,
    input: wish,
    output: {
      ...verdict,
      gas: z.string().describe('gas that would be offered'),
      max_fee: units.describe('what the gas can cost at most, in base units of the native asset'),
      usd_micros: usdMicros.describe('what it can take in all, in millionths of a US dollar'),
    },
    read: async (args) => {
      const transfer = parseTransfer(args, parts.limits)
      if ('code' in transfer) return refusedBy(transfer)
      const drafted = await draftTransfer(transfer, parts)
      if ('code' in drafted) return refusedBy(drafted)
      const { transaction, spends } = drafted
      const refusal = checkSpends(spends, parts.limits, windowOf(parts.ledger))
      const gas = spends.find(({ recipient }) => recipient === undefined)?.amount ?? 0n
      return {
        ...(refusal === undefined ? { allowed: true } : refusedBy(refusal)),
        gas: String(transaction.gas),
        max_fee: String(gas),
        usd_micros: String(spends.reduce((sum, spend) => sum + spend.usdMicros, 0n)),
      }
    },
  })
}

/** Asks the limits alone, gas not counted. */
export function checkSpend(parts: WalletParts): ServedTool {
  return defineReadTool({
    name: 'check_spend',
    title: 'Whether the limits allow a payment',
    description:
      'Says whether the limits of this wallet would allow a payment now, and why not. Asks the ' +
      'price, not the balance; gas, which counts too, is left out: see simulate_transfer.',
    scope: TOOLS.check_spend.scope,
    input: wish,
    output: verdict,
    read: async (args) => {
      const { limits, ledger } = parts
      const transfer = parseTransfer(args, limits)
      if ('code' in transfer) return refusedBy(transfer)
      const { feeds } = await readBalances(parts, {
        of: await parts.signer.address(),
        assets: [],
        feeds: feedsOf([transfer.asset]),
      })
      const appraise = appraiser({ feeds, nowMs: ledger.wall() })
      const worth = appraise(transfer.asset, transfer.amount)
      if (typeof worth !== 'bigint') return refusedBy(worth)
      const { to: recipient } = transfer
      const spend = { asset: transfer.asset.asset, amount: transfer.amount, usdMicros: worth }
      const refusal = checkSpends([{ ...spend, recipient }], limits, windowOf(ledger))
      return refusal === undefined ? { allowed: true } : refusedBy(refusal)
    },
  })
}

const caps = z.strictObject({
  per_transfer: z.string(),
  per_hour: z.string(),
  per_day: z.string(),
  per_week: z.string(),
})
const used = z.strictObject({ per_hour: z.string(), per_day: z.string(), per_week: z.string() })

/** Limits, and what of them is used. */
export function getLimits({ limits, ledger }: WalletParts): ServedTool {
  return defineReadTool({
    name: 'get_limits',
    title: 'What the wallet may spend',
    description:
      'The limits of this wallet and what of them is used: per asset, in US dollars, by count; ' +
      'whom it may pay. Windows slide; what is not settled yet counts. No tool changes them.',
    scope: TOOLS.get_limits.scope,
    input: {},
    output: {
      assets: z.array(
        z.strictObject({
          asset: z.string(),
          decimals: z.int(),
          caps: caps.describe('in base units'),
          used: used.describe('in base units'),
        }),
      ),
      usd_micros: z.strictObject({ caps, used }),
      count: z.strictObject({ caps: used, used }),
      max_fee_per_gas_wei: z.string(),
      recipients: z.array(
        z.strictObject({
          address: z.string(),
          name: z.string().optional(),
          payable_from: z.iso.datetime().describe('before that only if it was paid already'),
        }),
      ),
    },
    read: async () => {
      const window = windowOf(ledger)
      const sums = (sumOf: (ms: number) => bigint | number) =>
        Object.fromEntries(WINDOWS.map(({ name, ms }) => [name, String(sumOf(ms))]))
      return {
        assets: limits.assets.map((each) => ({
          asset: each.asset,
          decimals: each.decimals,
          caps: texts(each.caps),
          used: sums((ms) => window.spent({ asset: each.asset, ms }).amount),
        })),
        usd_micros: {
          caps: texts(limits.usd_micros),
          used: sums((ms) => window.spent({ ms }).usdMicros),
        },
        count: { caps: texts(limits.count), used: sums((ms) => window.spent({ ms }).count) },
        max_fee_per_gas_wei: String(limits.max_fee_per_gas_wei),
        recipients: limits.recipients.map(({ address, name, added_at: addedMs }) => ({
          address: checksummed(address),
          ...(name === undefined ? {} : { name }),
          payable_from: new Date(addedMs + limits.new_recipient_delay_ms).toISOString(),
        })),
      }
    },
  })
}

function texts(of: Readonly<Record<string, bigint | number>>): Record<string, string> {
  return Object.fromEntries(Object.entries(of).map(([name, value]) => [name, String(value)]))
}

function refusedBy(refusal: Readonly<{ code: string; detail: string; retryAfterMs?: number }>) {
  const { code, detail, retryAfterMs } = refusal
  if (code === 'INPUT_INVALID') throw new TerminalError('INPUT_INVALID', detail)
  return {
    allowed: false,
    refusal: code,
    reason: detail,
    ...(retryAfterMs === undefined ? {} : { wait_ms: Math.ceil(retryAfterMs) }),
  }
}

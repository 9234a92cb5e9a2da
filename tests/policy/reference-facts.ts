/** What the naive reading of the policy language compares: a request in its canonical spelling. */
import { TOOLS } from '@chimera/contracts/tools'

import { asset, coin, isAscii, recipient, scaled, timeOf, units } from './spelling.ts'

export type Json = null | boolean | number | string | Json[] | { [key: string]: Json | undefined }
export type Obj = Record<string, Json | undefined>

export const isObject = (value: unknown): value is Obj =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
export const textIn = (of: Obj, key: string): string | undefined => {
  const value = of[key]
  return typeof value === 'string' ? value : undefined
}
export const objectIn = (of: Obj, key: string): Obj | undefined => {
  const value = of[key]
  return isObject(value) ? value : undefined
}

/** What a tool does, by the names of the tools themselves. */
export function actionFor(tool: string): string {
  const known = Object.entries(TOOLS).find(([name]) => name === tool)?.[1]
  if (known === undefined) return 'unknown'
  if (!known.mutating) return 'read'
  if (known.server === 'tweet') return `tweet.${tool.split('_')[0] ?? ''}`
  if (known.server === 'wallet') return tool.startsWith('unstick') ? 'transfer.unstick' : 'transfer'
  if (tool === 'place_order') return 'order'
  return tool === 'close_position' ? 'order.close' : 'order.cancel'
}

function isWritable(value: Json | undefined): boolean {
  if (typeof value === 'string') return value.isWellFormed()
  if (typeof value === 'number') return Number.isFinite(value)
  if (Array.isArray(value)) return value.every(isWritable)
  if (!isObject(value)) return true
  const keys = Object.keys(value)
  const isOnce = new Set(keys.map((key) => key.normalize('NFC'))).size === keys.length
  return isOnce && keys.every((key) => key.isWellFormed() && isWritable(value[key]))
}

/** What the rules compare; undefined when something has no canonical form. */
export type Facts = {
  names: Record<string, string | undefined>
  amount: bigint | undefined
  usd: bigint | undefined
  priceAt: number | undefined
  time: number
  args: Obj
}

export function factsOf(request: Obj): Facts | undefined {
  const tool = textIn(request, 'tool') ?? ''
  const action = actionFor(tool)
  const names: Facts['names'] = { tool, action }
  let isFine = /^[a-z][a-z0-9_]{0,63}$/.test(tool)
  if (request['action'] !== undefined && request['action'] !== action) isFine = false
  const read = (field: string, how: (text: string) => string | undefined, isNeeded = false) => {
    const given = textIn(request, field)
    if (given === undefined) {
      if (isNeeded) isFine = false
      return
    }
    names[field] = how(given)
    if (names[field] === undefined) isFine = false
  }
  const oneOf = (all: string[]) => (text: string) => (all.includes(text) ? text : undefined)
  const plain = (text: string) =>
    /^[A-Za-z0-9][A-Za-z0-9._:-]{0,255}$/.test(text) ? text : undefined
  for (const field of ['tenant', 'agent']) read(field, plain, true)
  for (const field of ['campaign', 'goal', 'account']) read(field, plain)
  read('mode', oneOf(['dry', 'paper', 'live']), true)
  read('label', oneOf(['owner', 'registry', 'derived', 'untrusted']))
  read('recipient', recipient)
  read('network', (text) =>
    isAscii(text) && /^[a-z0-9][a-z0-9:._-]{0,63}$/i.test(text) ? text.toLowerCase() : undefined,
  )
  read('symbol', coin)
  read('persona', (text) => {
    const nfc = text.normalize('NFC')
    return /^[^\p{C}]{1,256}$/u.test(nfc) ? nfc : undefined
  })
  const time = timeOf(textIn(request, 'time') ?? '')
  const money = moneyOf(request)
  const args = objectIn(request, 'args') ?? {}
  if (!isFine || time === undefined || money === undefined || !isWritable(args)) return undefined
  names['asset'] = money.asset
  const needs: Record<string, (string | bigint | undefined)[]> = {
    transfer: [names['recipient'], money.amount],
    order: [names['symbol']],
  }
  if ((needs[action] ?? []).some((one) => one === undefined)) return undefined
  return { names, ...money, time, args }
}

function moneyOf(request: Obj) {
  const [given, usd] = [objectIn(request, 'amount'), objectIn(request, 'usd')]
  const found: { asset?: string; amount?: bigint; usd?: bigint; priceAt?: number } = {}
  if (given !== undefined) {
    const code = asset(textIn(given, 'asset') ?? '')
    const [base, whole] = [textIn(given, 'base'), textIn(given, 'whole')]
    const places = given['decimals']
    if ((base === undefined) === (whole === undefined) || code === undefined) return undefined
    const amount =
      base === undefined
        ? typeof places === 'number'
          ? scaled(whole ?? '', places)
          : undefined
        : units(base)
    if (amount === undefined) return undefined
    Object.assign(found, { asset: code, amount })
  }
  if (usd !== undefined) {
    const value = scaled(textIn(usd, 'value') ?? '', 6)
    const priceAt = timeOf(textIn(usd, 'price_at') ?? '')
    if (value === undefined || priceAt === undefined) return undefined
    Object.assign(found, { usd: value, priceAt })
  }
  const { asset: code, amount, usd: micros, priceAt } = found
  return { asset: code, amount, usd: micros, priceAt }
}

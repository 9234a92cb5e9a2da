/** Policies and requests that meet often: few values, in many spellings. */
import type { Random } from '../guarantee.ts'
import type { Json, Obj } from './reference-facts.ts'

const TOOLS = [
  'post_tweet',
  'reply_tweet',
  'delete_tweet',
  'transfer_native',
  'transfer_erc20',
  'place_order',
  'close_position',
  'cancel_all',
  'get_tweet',
  'sign_hash',
]
const ACTIONS = ['tweet.post', 'tweet.reply', 'transfer', 'order', 'order.close', 'read', 'unknown']
const ADDRESS = '0x00000000000000000000000000000000000a11ce'
const OTHER = '0x0000000000000000000000000000000000000b0b'
const RECIPIENTS = [
  ADDRESS,
  ADDRESS.toUpperCase().replace('0X', '0x'),
  '0X00000000000000000000000000000000000A11cE',
  ADDRESS.slice(2),
  OTHER,
  'alice',
  '@Alice',
  '\u0430lice',
  `${ADDRESS}\u200b`,
  ' alice',
]
const SYMBOLS = [
  'LUNA',
  'luna-perp',
  'kLUNA',
  'dex:LUNA/USDC',
  'BTC',
  'kas',
  '\uFF2C\uFF35\uFF2E\uFF21',
]
const FIGURES = [
  '0',
  '1',
  '1.0',
  '1.00',
  '01',
  '1e0',
  '2',
  '2.50',
  '9.999999',
  '0.0000001',
  '-1',
  '',
]
const WHOLE = ['0', '1', '2', '3', '10']
const DAY = 86_400
const SCOPES = ['tenant', 'agent', 'campaign', 'account', 'recipient']
const WINDOWS = ['1h', '24h', '7d']
const SECONDS: Record<string, number> = { '1h': 3_600, '24h': DAY, '7d': 7 * DAY }
const TEXTS = ['buy now', 'BUY\u200b NOW', '\uFF42\uFF55\uFF59 now', 'hello', 'GIVEAWAY today']
const TIMES = [
  '2026-11-21T12:00:00Z',
  '2026-11-21T23:30:00.5Z',
  '2026-11-23T08:59:59Z',
  '2026-11-23T09:00:00Z',
  '2026-11-23T09:00:00+01:00',
]

const often = (random: Random, share: number): boolean => random.fraction() < share

/** A policy of one to eight rules. */
export function randomPolicy(random: Random): Obj {
  const rules = Array.from({ length: random.integer(1, 8) }, (_, n) => randomRule(random, `r${n}`))
  return {
    policy: 1,
    name: 'random',
    prices: { max_age_seconds: random.pick([60, 3_600]) },
    lists: { friends: [ADDRESS, 'alice'], coins: ['LUNA', 'FTT'] },
    rules,
  }
}

/** A rule; its effect is chosen when nothing is said. */
export function randomRule(random: Random, id: string, effect?: string): Obj {
  const chosen = effect ?? random.pick(['allow', 'allow', 'deny', 'require_approval'])
  const approvals = chosen === 'require_approval' && often(random, 0.5)
  return {
    id,
    effect: chosen,
    why: `Because of ${id}.`,
    ...(approvals ? { approvals: random.integer(1, 3) } : {}),
    when: randomConditions(random),
  }
}

function randomConditions(random: Random): Obj {
  const when: Obj = {}
  const maybe = (share: number, name: string, make: () => Json) => {
    if (often(random, share)) when[name] = make()
  }
  const set = (values: string[]) => (): Json => {
    const some = random.shuffle(values).slice(0, random.integer(1, 3))
    return random.pick<Json>([some[0] ?? '', some, { in: some }, { not: some }])
  }
  maybe(0.4, 'action', set(ACTIONS))
  maybe(0.15, 'tool', set(TOOLS))
  maybe(0.2, 'mode', set(['dry', 'paper', 'live']))
  maybe(0.1, 'label', set(['owner', 'derived', 'untrusted']))
  maybe(0.1, 'campaign', set(['c1', 'c2']))
  maybe(0.15, 'recipient', set([ADDRESS, OTHER.toUpperCase().replace('0X', '0x'), '$friends']))
  maybe(0.1, 'symbol', set(['$coins', 'BTC', 'kLUNA']))
  maybe(0.1, 'network', set(['simulated', 'Base']))
  maybe(0.15, 'amount', () => ({ asset: 'USDC', ...bounds(random, ['1', '2', '1000000']) }))
  maybe(0.15, 'usd', () => bounds(random, ['1', '1.00', '2.50', '9.999999']))
  maybe(0.1, 'time', () => randomTime(random))
  maybe(0.15, 'args', () => [randomArgument(random)])
  maybe(0.15, 'count', () => ({ ...windowIn(random), ...bounds(random, [1, 2, 3]) }))
  maybe(0.15, 'sum', () =>
    random.pick<Json>([
      { ...windowIn(random), unit: 'usd', ...bounds(random, ['1.00', '2.5']) },
      { ...windowIn(random), unit: 'USDC', ...bounds(random, ['1', '3']) },
    ]),
  )
  return when
}

function bounds(random: Random, figures: Json[]): Obj {
  const names = random.shuffle(['gt', 'gte', 'lt', 'lte']).slice(0, random.integer(1, 2))
  return Object.fromEntries(names.map((name) => [name, random.pick(figures)]))
}

function windowIn(random: Random): Obj {
  const actions = random.shuffle(['transfer', 'order', 'tweet.post']).slice(0, 2)
  return {
    per: random.pick(SCOPES),
    window: random.pick(WINDOWS),
    ...(often(random, 0.6) ? { actions } : {}),
  }
}

function randomTime(random: Random): Obj {
  return random.pick<Obj>([
    { days: ['mon', 'sat'] },
    { from: '09:00', to: '17:00' },
    { from: '22:00', to: '09:00' },
    { after: '2026-11-22T00:00:00Z' },
    { before: '2026-11-22T00:00:00Z', days: ['sat'] },
  ])
}

function randomArgument(random: Random): Obj {
  return random.pick<Obj>([
    { at: '/text', contains: ['buy now', 'giveaway'] },
    { at: '/text', in: ['hello', 'BUY NOW'] },
    { at: '/reduce_only', not: [true] },
    { at: '/reduce_only', in: [true] },
    { at: '/size', gt: '1.0', lte: '2.5' },
    { at: '/trigger/price', present: true },
    { at: '/media/0', in: ['hello'] },
    { at: '/missing', present: false },
  ])
}

/** A request; nearly always one that has a canonical form. */
export function randomRequest(random: Random): Obj {
  const request: Obj = {
    tenant: 't1',
    agent: random.pick(['a1', 'a2']),
    tool: random.pick(TOOLS),
    mode: random.pick(['dry', 'paper', 'live']),
    time: often(random, 0.97) ? random.pick(TIMES.slice(0, 4)) : random.pick(TIMES),
    args: randomArguments(random),
    windows: randomWindows(random),
  }
  const maybe = (share: number, name: string, make: () => Json) => {
    if (often(random, share)) request[name] = make()
  }
  maybe(0.5, 'campaign', () => random.pick(['c1', 'c2']))
  maybe(0.7, 'account', () => 'wallet-simulated')
  maybe(0.8, 'label', () => random.pick(['owner', 'derived', 'untrusted']))
  maybe(0.8, 'recipient', () =>
    random.pick(often(random, 0.9) ? RECIPIENTS.slice(0, 7) : RECIPIENTS),
  )
  maybe(0.5, 'network', () => random.pick(['simulated', 'base', 'BASE']))
  maybe(0.6, 'symbol', () => random.pick(SYMBOLS))
  maybe(0.7, 'amount', () => randomAmount(random))
  maybe(0.7, 'usd', () => ({
    value: often(random, 0.9) ? random.pick(FIGURES.slice(0, 4)) : random.pick(FIGURES),
    price_at: random.pick(['2026-11-21T11:59:30Z', '2026-11-21T11:00:00Z', '2026-11-23T09:00:04Z']),
  }))
  return request
}

function randomAmount(random: Random): Obj {
  const code = random.pick(['USDC', 'usdc', 'ETH'])
  if (often(random, 0.5)) return { asset: code, base: random.pick([...WHOLE, '1000000', '01']) }
  const whole = random.pick([...FIGURES.slice(0, 4), '0.000001', '2.50'])
  return { asset: code, whole, decimals: random.pick([6, 6, 6, 18]) }
}

function randomArguments(random: Random): Obj {
  const args: Obj = {}
  if (often(random, 0.7)) args['text'] = random.pick(TEXTS)
  if (often(random, 0.4)) args['reduce_only'] = random.pick<Json>([true, false, 'TRUE'])
  if (often(random, 0.4)) args['size'] = random.pick<Json>(['1', '1.00', '2.5', '1e0', 2, [1]])
  if (often(random, 0.2)) args['trigger'] = random.pick<Json>([{ price: '1' }, {}, 'none'])
  if (often(random, 0.2)) args['media'] = random.pick<Json>([['hello'], [], ['HELLO\u200d']])
  if (often(random, 0.02)) args['odd'] = '\ud800'
  return args
}

function randomWindows(random: Random): Obj {
  const windows: Obj = {}
  const sets = ['*', 'order+transfer', 'order+tweet.post', 'transfer+tweet.post']
  for (const per of SCOPES) {
    for (const length of WINDOWS) {
      for (const set of sets) {
        if (often(random, 0.05)) continue
        const tail = `${per}/${SECONDS[length] ?? 0}s/${set}`
        windows[`count/${tail}`] = random.pick(['0', '1', '2'])
        windows[`sum-usd/${tail}`] = random.pick(['0', '1000000', '1500000'])
        windows[`sum-USDC/${tail}`] = random.pick(['0', '1', '2'])
      }
    }
  }
  return windows
}

/** The same request, spelled otherwise wherever something can be. */
export function respelled(random: Random, request: Obj): Obj {
  const again: Obj = { ...request }
  const { recipient, network, symbol, amount, usd } = request
  if (typeof recipient === 'string') again['recipient'] = respell(random, recipient)
  if (typeof network === 'string') again['network'] = network.toUpperCase()
  if (typeof symbol === 'string')
    again['symbol'] = symbol.includes(':') ? symbol : `venue:${symbol}`
  if (typeof amount === 'object' && amount !== null && !Array.isArray(amount)) {
    again['amount'] = respellAmount(amount)
  }
  if (typeof usd === 'object' && usd !== null && !Array.isArray(usd)) {
    const { value } = usd
    const isLong = typeof value === 'string' && value.includes('.')
    again['usd'] = { ...usd, value: isLong ? `${value}0` : value }
  }
  return again
}

function respell(random: Random, recipient: string): string {
  if (/^(0x)?[0-9a-f]{40}$/i.test(recipient)) {
    const hex = recipient.slice(-40)
    const letters = hex.replaceAll(/./g, (c) => (often(random, 0.5) ? c.toUpperCase() : c))
    return random.pick(['0x', '0X', '']) + letters
  }
  return random.pick([recipient.toUpperCase(), recipient.toLowerCase()])
}

function respellAmount(amount: Obj): Obj {
  const { asset, whole } = amount
  const code = typeof asset === 'string' ? asset.toLowerCase() : asset
  if (typeof whole !== 'string') return { ...amount, asset: code }
  return { ...amount, asset: code, whole: whole.includes('.') ? `${whole}00` : whole }
}

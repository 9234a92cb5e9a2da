/** The tools that plans may name, and where each may come from (design.md sections 1 and 5). */
import { parseUnits } from './money.ts'

/** What the token of an MCP client may be good for; a tool asks for one of them. */
export const SCOPES = [
  'tweet:read',
  'tweet:write',
  'tweet:delete',
  'wallet:read',
  'wallet:transfer',
  'trade:read',
  'trade:paper',
  'trade:live',
  'trade:kill',
  'swarm:read',
  'swarm:write',
  'swarm:live',
] as const
export type Scope = (typeof SCOPES)[number]

type ToolRow = {
  /** The tool server's name: `chimera tools serve <server>`. */
  readonly server: 'tweet' | 'wallet' | 'trading'
  /** A mutating tool acts only on a grant. */
  readonly mutating: boolean
  readonly scope: Scope
  /**
   * Arguments whose text leaves the house: every URL, mention, cashtag and address in it counts.
   */
  readonly textArguments: readonly string[]
  /** TRANSACTION never passes on confidence alone. */
  readonly money: boolean
}

export const TOOLS = {
  post_tweet: {
    server: 'tweet',
    mutating: true,
    scope: 'tweet:write',
    textArguments: ['text'],
    money: false,
  },
  reply_tweet: {
    server: 'tweet',
    mutating: true,
    scope: 'tweet:write',
    textArguments: ['text'],
    money: false,
  },
  delete_tweet: {
    server: 'tweet',
    mutating: true,
    scope: 'tweet:delete',
    textArguments: [],
    money: false,
  },
  get_tweet: {
    server: 'tweet',
    mutating: false,
    scope: 'tweet:read',
    textArguments: [],
    money: false,
  },
  get_mentions: {
    server: 'tweet',
    mutating: false,
    scope: 'tweet:read',
    textArguments: [],
    money: false,
  },
  get_cooldown: {
    server: 'tweet',
    mutating: false,
    scope: 'tweet:read',
    textArguments: [],
    money: false,
  },
  estimate_cost: {
    server: 'tweet',
    mutating: false,
    scope: 'tweet:read',
    textArguments: [],
    money: false,
  },
  transfer_native: {
    server: 'wallet',
    mutating: true,
    scope: 'wallet:transfer',
    textArguments: [],
    money: true,
  },
  transfer_erc20: {
    server: 'wallet',
    mutating: true,
    scope: 'wallet:transfer',
    textArguments: [],
    money: true,
  },
  unstick_transfer: {
    server: 'wallet',
    mutating: true,
    scope: 'wallet:transfer',
    textArguments: [],
    money: true,
  },
  get_balances: {
    server: 'wallet',
    mutating: false,
    scope: 'wallet:read',
    textArguments: [],
    money: false,
  },
  simulate_transfer: {
    server: 'wallet',
    mutating: false,
    scope: 'wallet:read',
    textArguments: [],
    money: false,
  },
  check_spend: {
    server: 'wallet',
    mutating: false,
    scope: 'wallet:read',
    textArguments: [],
    money: false,
  },
  get_limits: {
    server: 'wallet',
    mutating: false,
    scope: 'wallet:read',
    textArguments: [],
    money: false,
  },
  get_transfer: {
    server: 'wallet',
    mutating: false,
    scope: 'wallet:read',
    textArguments: [],
    money: false,
  },
  list_transfers: {
    server: 'wallet',
    mutating: false,
    scope: 'wallet:read',
    textArguments: [],
    money: false,
  },
  place_order: {
    server: 'trading',
    mutating: true,
    scope: 'trade:paper',
    textArguments: [],
    money: true,
  },
  cancel_order: {
    server: 'trading',
    mutating: true,
    scope: 'trade:paper',
    textArguments: [],
    money: true,
  },
  cancel_all: {
    server: 'trading',
    mutating: true,
    scope: 'trade:paper',
    textArguments: [],
    money: true,
  },
  close_position: {
    server: 'trading',
    mutating: true,
    scope: 'trade:paper',
    textArguments: [],
    money: true,
  },
  // The brake takes no grant: whoever sees smoke may pull it.
  raise_kill: {
    server: 'trading',
    mutating: false,
    scope: 'trade:kill',
    textArguments: [],
    money: false,
  },
  get_mode: {
    server: 'trading',
    mutating: false,
    scope: 'trade:read',
    textArguments: [],
    money: false,
  },
  get_markets: {
    server: 'trading',
    mutating: false,
    scope: 'trade:read',
    textArguments: [],
    money: false,
  },
  get_price: {
    server: 'trading',
    mutating: false,
    scope: 'trade:read',
    textArguments: [],
    money: false,
  },
  get_orderbook: {
    server: 'trading',
    mutating: false,
    scope: 'trade:read',
    textArguments: [],
    money: false,
  },
  get_candles: {
    server: 'trading',
    mutating: false,
    scope: 'trade:read',
    textArguments: [],
    money: false,
  },
  get_positions: {
    server: 'trading',
    mutating: false,
    scope: 'trade:read',
    textArguments: [],
    money: false,
  },
  get_orders: {
    server: 'trading',
    mutating: false,
    scope: 'trade:read',
    textArguments: [],
    money: false,
  },
} as const satisfies Record<string, ToolRow>

export type ToolName = keyof typeof TOOLS

/** Narrows outside text to a tool of the catalogue. */
export const isToolName = (name: string): name is ToolName => Object.hasOwn(TOOLS, name)

/**
 * What one call costs at most, in micros of a US dollar, before it is granted. Source: X's
 * pay-per-use list (docs.x.com, August 2026): "Content: Create" $0.015, with a URL $0.20; a
 * deletion is "Interaction: Delete" $0.010 or "Content: Manage" $0.005, the list does not say
 * which; $0.005 a post that is read, what the account owns less. Uploads are not charged.
 */
export const TWEET_COST_USD_MICROS = {
  plain: 15_000n,
  withUrl: 200_000n,
  removal: 10_000n,
  read: 5_000n,
} as const

/** X links every known top-level domain, 1,500 of them: whatever could be one is priced as one. */
const URL_LIKE = /:\/\/|[\p{L}\p{N}-]\.\p{L}{2}/u

/** The most that a call can cost, in micros of a US dollar: what a budget reserves for it. */
export function estimateCost(tool: string, args: Readonly<Record<string, unknown>>): bigint {
  if (tool === 'delete_tweet') return TWEET_COST_USD_MICROS.removal
  if (tool === 'place_order') return orderCost(args)
  if (tool !== 'post_tweet' && tool !== 'reply_tweet') return 0n
  const text = typeof args['text'] === 'string' ? args['text'] : ''
  return URL_LIKE.test(text) ? TWEET_COST_USD_MICROS.withUrl : TWEET_COST_USD_MICROS.plain
}

/** Sizes are given to 8 decimals at most, prices to a micro. */
const SIZE_DECIMALS = 8

/** Size times price of an order that may open a position, rounded up; an exit costs nothing. */
function orderCost(args: Readonly<Record<string, unknown>>): bigint {
  const { size, price } = args
  if (args['reduce_only'] === true || typeof size !== 'string' || typeof price !== 'string') {
    return 0n
  }
  const per = 10n ** BigInt(SIZE_DECIMALS)
  const units = parseUnits(size, SIZE_DECIMALS) ?? 0n
  return (units * (parseUnits(price, 6) ?? 0n) + per - 1n) / per
}

/**
 * What an outside client may do with the swarm (`mcp-tools/swarm`). Apart from `TOOLS`: no plan
 * ever names them, for a swarm that gives itself goals has no owner.
 */
export const SWARM_TOOLS = {
  submit_goal: { mutating: true, scope: 'swarm:write' },
  get_goal: { mutating: false, scope: 'swarm:read' },
  list_goals: { mutating: false, scope: 'swarm:read' },
  cancel_goal: { mutating: true, scope: 'swarm:write' },
  list_approvals: { mutating: false, scope: 'swarm:read' },
} as const satisfies Record<string, Pick<ToolRow, 'mutating' | 'scope'>>

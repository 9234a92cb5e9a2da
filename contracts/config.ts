/**
 * The one schema of the environment, in sections; a process parses only the sections it may know
 * (conventions.md section 4). Nothing that spends, publishes or opens a door has a default.
 */
import { z } from 'zod'

import { AgentId, DEFAULT_TENANT } from './ids.ts'

const Port = z.coerce.number().int().min(0).max(65_535)
const Milliseconds = z.coerce.number().int().positive()
const Url = z.string().min(1)

/** Every process. */
const base = z.object({
  LOG_LEVEL: z
    .enum(['trace', 'debug', 'info', 'warn', 'error'])
    .default('info')
    .describe('least severe level that is logged'),
  CHIMERA_STATE_DIR: z
    .string()
    .optional()
    .describe('folder of everything that this installation keeps; .chimera/state by default'),
  CHIMERA_SUPERVISED: z
    .enum(['0', '1'])
    .default('0')
    .describe('1: end when standard input closes, so that no orphan survives its supervisor'),
  CHIMERA_CRASH_AT: z
    .string()
    .optional()
    .describe('<label>[:n], see chimera crash-points; refused beside a live back end'),
  CHIMERA_RUN_ID: z
    .string()
    .optional()
    .describe('names one run of the stack in crash-points.jsonl'),
  CONSUMER_NAME: z
    .string()
    .regex(/^[A-Za-z0-9._-]{1,64}$/)
    .optional()
    .describe(
      'stable name of this process in consumer groups and leases; the host name by default',
    ),
  HEALTH_PORT: Port.default(0).describe('loopback port of /livez, /readyz and /metrics; 0: any'),
  HEALTH_HOST: z.string().default('127.0.0.1').describe('address of the health port'),
})

const postgres = z.object({
  DATABASE_URL: Url.describe('postgres://user:password@host:port/database'),
})

const redis = z.object({
  REDIS_URL: Url.describe('redis://host:port, or the absolute path of a Unix socket'),
})

const roles = z.object({
  LEASE_MS: Milliseconds.default(15_000).describe('how long a claim holds without renewal'),
})

const goals = z.object({
  GOALS_FROM_STREAM: z
    .enum(['owner', 'untrusted', 'off'])
    .describe('whose words an XADD on chimera:goals is; no default, because it opens a door'),
  TENANT_ID: z.uuid().default(DEFAULT_TENANT).describe('the tenant of goals from the stream'),
})

const worker = z.object({
  TOOL_TOKEN: z.string().min(16).describe('bearer token of workers at the tool servers'),
  WORKER_TASK_TYPES: z
    .string()
    .default('RESEARCH,CONTENT_GEN,TRANSACTION,ENGAGEMENT')
    .describe('task types that this worker takes, by comma'),
})

const judge = z.object({
  JUDGE_KEY: z.string().min(1).describe('private JWK (Ed25519) that signs grants, hellos, voids'),
  RECEIPT_JWKS_FILE: z.string().min(1).describe('public keys of the tool servers, a JWKS file'),
})

const keeper = z.object({
  TOOL_CONTROL_TOKEN: z.string().min(16).describe('bearer token of /control at the tool servers'),
  SWEEP_MS: Milliseconds.default(1_000).describe('how often the Keeper looks for lost work'),
})

const gateway = z.object({
  GATEWAY_PORT: Port.default(7700).describe('port of the HTTP API'),
  GATEWAY_HOST: z.string().default('127.0.0.1').describe('address of the HTTP API'),
})

/** Who stops the tool servers, and ends the stop. */
const stops = z.object({
  TOOL_CONTROL_TOKEN: z.string().min(16).describe('bearer token of /control at the tool servers'),
})

/** Every tool server. */
const toolServer = z.object({
  TOOL_ACCOUNT: AgentId.describe('the outside account that this process alone acts for'),
  TOOL_PORT: Port.default(0).describe('port of /mcp and /control; 0: any'),
  TOOL_HOST: z.string().default('127.0.0.1').describe('address of /mcp and /control'),
  TOOL_LEDGER: z.string().min(1).describe('path of the ledger, on a local disk that persists'),
  GRANTS: z
    .enum(['required', 'off'])
    .describe('off: outside clients act without grants, on stdio or loopback only'),
  GRANT_JWKS_FILE: z.string().optional().describe('public keys of the Judge, re-read on change'),
  RECEIPT_KEY: z.string().min(1).describe('private JWK (Ed25519) that signs receipts'),
  TOOL_TOKEN: z.string().min(16).optional().describe('bearer token that opens /mcp'),
  TOOL_CLIENTS_FILE: z
    .string()
    .optional()
    .describe('hashes of the tokens of MCP clients (chimera tools token), re-read on change'),
  TOOL_CONTROL_TOKEN: z.string().min(16).optional().describe('bearer token that opens /control'),
  TOOL_STOP_TOKEN: z.string().min(16).optional().describe('bearer token that may only stop'),
})

const tweet = z.object({
  TWEET_BACKEND: z.enum(['simulated', 'x']).describe('simulated, or x: posts are real'),
  TWEET_COOLDOWN_MS: Milliseconds.optional().describe(
    'for simulated back ends only; 900000 (15 minutes, C26) otherwise',
  ),
  TWEET_ABSENCE_MS: Milliseconds.optional().describe(
    'for simulated back ends only: how long X may take to show a post; 900000 otherwise',
  ),
  TWEET_SEND_TIMEOUT_MS: Milliseconds.default(10_000).describe('deadline of one send'),
  TWEET_MEDIA_DIR: z
    .string()
    .optional()
    .describe('folder of images by SHA-256 (chimera media add); without it posts carry none'),
  SIMULATED_X_URL: Url.optional().describe('base URL of the simulated X'),
  SIMULATED_X_TOKEN: z.string().optional().describe('user token at the simulated X'),
  X_BASE_URL: Url.default('https://api.x.com').describe('base URL of the X API'),
  X_API_KEY: z.string().optional().describe('OAuth 1.0a consumer key'),
  X_API_SECRET: z.string().optional().describe('OAuth 1.0a consumer secret'),
  X_ACCESS_TOKEN: z.string().optional().describe('OAuth 1.0a user token'),
  X_ACCESS_SECRET: z.string().optional().describe('OAuth 1.0a user token secret'),
  X_OAUTH2_TOKEN: z.string().optional().describe('OAuth 2.0 user token, instead of the four above'),
  X_OAUTH2_SESSION: z
    .string()
    .optional()
    .describe(
      'path of {"access_token","refresh_token","expires_at"}, mode 0600: a token pair that this ' +
        'process renews and writes back, instead of X_OAUTH2_TOKEN',
    ),
  X_OAUTH2_CLIENT_ID: z.string().optional().describe('OAuth 2.0 client id, to renew the pair'),
  X_OAUTH2_CLIENT_SECRET: z
    .string()
    .optional()
    .describe('OAuth 2.0 client secret; a public client has none'),
})

const simulatedX = z.object({
  SIMULATED_X_PORT: Port.default(0).describe('loopback port of the simulated X'),
  SIMULATED_X_RECORD: z.string().min(1).describe('append-only record of every request'),
  SIMULATED_X_TOKEN: z.string().optional().describe('user token that the simulated X accepts'),
  SIMULATED_X_ACCOUNT: z
    .string()
    .min(1)
    .default('x-simulated')
    .describe('name of the account of that token in the record, as its tool server calls it'),
})

const wallet = z.object({
  WALLET_NETWORK: z
    .enum(['off', 'simulated', 'base-sepolia', 'base'])
    .describe(
      'where the wallet acts; no default, because it spends. The stack takes simulated for unset ' +
        'when mcp-tools/wallet is installed; any other value but off installs it',
    ),
  WALLET_PROVIDER: z
    .enum(['viem', 'cdp'])
    .default('viem')
    .describe('who holds the key: this process (viem), or Coinbase (cdp)'),
  WALLET_LIMITS_FILE: z
    .string()
    .optional()
    .describe('JSON: assets, caps, recipients; see docs/operations.md. Without it no wallet'),
  WALLET_RPC_URL: Url.optional().describe('node of base or base-sepolia; may hold a key'),
  WALLET_PRIVATE_KEY: z.string().optional().describe('key of the wallet, 64 hexadecimal digits'),
  WALLET_SECRET_ID: z
    .string()
    .optional()
    .describe('name of the key in AWS Secrets Manager, instead of WALLET_PRIVATE_KEY'),
  WALLET_ADDRESS: z.string().optional().describe('the account at Coinbase; for cdp'),
  WALLET_SEND_TIMEOUT_MS: Milliseconds.default(10_000).describe('deadline of one broadcast'),
  WALLET_FOLLOW_MS: Milliseconds.default(20_000).describe(
    'how long a call waits for its block before it answers UNKNOWN',
  ),
  CDP_API_KEY_ID: z.string().optional().describe('Coinbase Developer Platform: id of the API key'),
  CDP_API_KEY_SECRET: z.string().optional().describe('secret of that API key'),
  CDP_WALLET_SECRET: z.string().optional().describe('wallet secret of that project'),
  AWS_REGION: z.string().optional().describe('for WALLET_SECRET_ID'),
  AWS_ACCESS_KEY_ID: z.string().optional().describe('for WALLET_SECRET_ID'),
  AWS_SECRET_ACCESS_KEY: z.string().optional().describe('for WALLET_SECRET_ID'),
  AWS_SESSION_TOKEN: z.string().optional().describe('for WALLET_SECRET_ID'),
  AWS_ENDPOINT_URL_SECRETS_MANAGER: Url.optional().describe('another address of Secrets Manager'),
  SIMULATED_EVM_URL: Url.optional().describe('loopback URL of the simulated chain'),
})

const simulatedEvm = z.object({
  SIMULATED_EVM_PORT: Port.default(0).describe('loopback port of the simulated chain'),
  SIMULATED_EVM_RECORD: z.string().min(1).describe('append-only record of every broadcast'),
  SIMULATED_EVM_ANVIL: z.string().min(1).describe('path of the anvil binary'),
})

/** A number of at most two decimals. */
const Share = z.string().regex(/^\d{1,4}(?:\.\d{1,2})?$/, 'use a number such as 15 or 7.5')

const trading = z.object({
  TRADING_MODE: z
    .string()
    .optional()
    .describe('live, by exactly this word, for real orders; anything else is paper'),
  TRADING_VENUE: z
    .string()
    .optional()
    .describe('hyperliquid-testnet or hyperliquid-mainnet, by exactly this name; else paper'),
  TRADING_MAX_ORDER_USD: z
    .string()
    .regex(/^[1-9]\d{0,11}$/, 'use whole US dollars')
    .optional()
    .describe('most that one order may be worth; live needs it'),
  TRADING_MAX_POSITION_PERCENT: Share.optional().describe(
    'most of the equity in one market; 15 is the ceiling (B26); live needs it',
  ),
  TRADING_MAX_LEVERAGE: Share.optional().describe(
    'most of all positions over the equity; 3 is the ceiling (B26); live needs it',
  ),
  TRADING_RESTRICTED_SYMBOLS: z
    .string()
    .default('USDT,LUNA,FTT')
    .describe('the DCG list (B31), by comma: coins in which nothing is opened'),
  TRADING_SEND_TIMEOUT_MS: Milliseconds.default(10_000).describe(
    'deadline of one send; the venue drops what comes later',
  ),
  TRADING_ABSENCE_MS: Milliseconds.optional().describe(
    'on paper only: how long after its expiry an order may still appear; 30000 otherwise',
  ),
  TRADING_KILL_TOKEN: z
    .string()
    .min(16)
    .optional()
    .describe("bearer token of the operator's own: it alone lowers the kill level"),
  HYPERLIQUID_KEY: z.string().optional().describe('key of an agent wallet, which cannot withdraw'),
  HYPERLIQUID_ACCOUNT: z
    .string()
    .regex(/^0x[0-9a-fA-F]{40}$/, 'use the address of the master account')
    .optional()
    .describe('account that the agent trades for'),
  SIMULATED_EXCHANGE_URL: Url.optional().describe('base URL of the paper exchange'),
  SIMULATED_EXCHANGE_KEY: z.string().optional().describe('agent key at the paper exchange'),
})

const simulatedExchange = z.object({
  SIMULATED_EXCHANGE_PORT: Port.default(0).describe('loopback port of the paper exchange'),
  SIMULATED_EXCHANGE_RECORD: z.string().min(1).describe('append-only record of every request'),
  SIMULATED_EXCHANGE_KEY: z
    .string()
    .min(1)
    .describe('agent key whose account has 10,000 USD there'),
  SIMULATED_EXCHANGE_WEIGHT_LIMIT: z.coerce
    .number()
    .int()
    .positive()
    .optional()
    .describe('weight of requests in a minute; 1200 as on Hyperliquid otherwise'),
})

/** The tools by which MCP clients hand goals to the swarm. */
const swarm = z.object({
  CHIMERA_GATEWAY_URL: Url.optional().describe('the API to talk to, instead of the local stack'),
  CHIMERA_TOKEN: z.string().optional().describe('bearer token for that API'),
  SWARM_PORT: Port.default(0).describe('port of /mcp of the swarm; 0: any'),
  SWARM_HOST: z.string().default('127.0.0.1').describe('address of /mcp of the swarm'),
  TOOL_TOKEN: z.string().min(16).optional().describe('bearer token that opens /mcp'),
  TOOL_CLIENTS_FILE: z
    .string()
    .optional()
    .describe('hashes of the tokens of MCP clients (chimera tools token), re-read on change'),
})

/** Read by the command line, not by a role. */
const cli = z.object({
  CHIMERA_GATEWAY_URL: Url.optional().describe('the API to talk to, instead of the local stack'),
  CHIMERA_TOKEN: z.string().optional().describe('bearer token for that API'),
})

export const CONFIG_SECTIONS = {
  base,
  postgres,
  redis,
  roles,
  goals,
  worker,
  judge,
  keeper,
  gateway,
  stops,
  toolServer,
  tweet,
  simulatedX,
  wallet,
  simulatedEvm,
  trading,
  simulatedExchange,
  swarm,
  cli,
}
export type ConfigSection = keyof typeof CONFIG_SECTIONS

/** Values of these never stand in a log or an error, and each may come from `<NAME>_FILE`. */
export const SECRET_NAMES: readonly string[] = [
  'DATABASE_URL',
  'REDIS_URL',
  'TOOL_TOKEN',
  'TOOL_CONTROL_TOKEN',
  'TOOL_STOP_TOKEN',
  'JUDGE_KEY',
  'RECEIPT_KEY',
  'SIMULATED_X_TOKEN',
  'X_API_KEY',
  'X_API_SECRET',
  'X_ACCESS_TOKEN',
  'X_ACCESS_SECRET',
  'X_OAUTH2_TOKEN',
  'X_OAUTH2_CLIENT_SECRET',
  'WALLET_RPC_URL',
  'WALLET_PRIVATE_KEY',
  'CDP_API_KEY_SECRET',
  'CDP_WALLET_SECRET',
  'AWS_SECRET_ACCESS_KEY',
  'AWS_SESSION_TOKEN',
  'TRADING_KILL_TOKEN',
  'HYPERLIQUID_KEY',
  'SIMULATED_EXCHANGE_KEY',
  'CHIMERA_TOKEN',
]

/** The typed environment of the given sections. */
export type Config<S extends ConfigSection> =
  z.infer<(typeof CONFIG_SECTIONS)[S]> extends infer U ? UnionToIntersection<U> : never

type UnionToIntersection<U> = (U extends unknown ? (value: U) => void : never) extends (
  value: infer I,
) => void
  ? I
  : never

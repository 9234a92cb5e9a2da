/** The sections of the environment that tool servers and simulated providers may know. */
import { z } from 'zod'

import { AgentId } from '../ids.ts'
import { Milliseconds, Port, Url } from './config-values.ts'

/** Every tool server. */
export const toolServer = z.object({
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
  TOOL_JOIN_ONLY: z
    .enum(['0', '1'])
    .default('0')
    .describe('1: be a bridge to whoever holds the ledger, and never its holder'),
  TOOL_CLIENTS_FILE: z
    .string()
    .optional()
    .describe('hashes of the tokens of MCP clients (chimera tools token), re-read on change'),
  TOOL_CONTROL_TOKEN: z.string().min(16).optional().describe('bearer token that opens /control'),
  TOOL_STOP_TOKEN: z.string().min(16).optional().describe('bearer token that may only stop'),
  TOOL_KILL_TOKEN: z
    .string()
    .min(16)
    .optional()
    .describe("bearer token of the operator's own: it alone lowers kill levels"),
})

export const tweet = z.object({
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

export const simulatedX = z.object({
  SIMULATED_X_PORT: Port.default(0).describe('loopback port of the simulated X'),
  SIMULATED_X_RECORD: z.string().min(1).describe('append-only record of every request'),
  SIMULATED_X_TOKEN: z.string().optional().describe('user token that the simulated X accepts'),
  SIMULATED_X_ACCOUNT: z
    .string()
    .min(1)
    .default('x-simulated')
    .describe('name of the account of that token in the record, as its tool server calls it'),
})

export const wallet = z.object({
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

export const simulatedEvm = z.object({
  SIMULATED_EVM_PORT: Port.default(0).describe('loopback port of the simulated chain'),
  SIMULATED_EVM_RECORD: z.string().min(1).describe('append-only record of every broadcast'),
  SIMULATED_EVM_ANVIL: z.string().min(1).describe('path of the anvil binary'),
})

/** A number of at most two decimals. */
const Share = z.string().regex(/^\d{1,4}(?:\.\d{1,2})?$/, 'use a number such as 15 or 7.5')

export const trading = z.object({
  TRADING_TOOLS: z
    .enum(['on', 'off'])
    .default('on')
    .describe('off: chimera up starts no trading server'),
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
  HYPERLIQUID_KEY: z.string().optional().describe('key of an agent wallet, which cannot withdraw'),
  HYPERLIQUID_ACCOUNT: z
    .string()
    .regex(/^0x[0-9a-fA-F]{40}$/, 'use the address of the master account')
    .optional()
    .describe('account that the agent trades for'),
  SIMULATED_EXCHANGE_URL: Url.optional().describe('base URL of the paper exchange'),
  SIMULATED_EXCHANGE_KEY: z.string().optional().describe('agent key at the paper exchange'),
})

export const simulatedExchange = z.object({
  SIMULATED_EXCHANGE_PORT: Port.default(0).describe('loopback port of the paper exchange'),
  SIMULATED_EXCHANGE_RECORD: z.string().min(1).describe('append-only record of every request'),
  SIMULATED_EXCHANGE_KEY: z
    .string()
    .min(1)
    .describe('agent key whose account has 10,000 USD there'),
  SIMULATED_EXCHANGE_CANDLES_URL: Url.optional().describe(
    'base URL of a Hyperliquid whose prices it follows, such as https://api.hyperliquid.xyz; ' +
      'it plays a recording otherwise',
  ),
  SIMULATED_EXCHANGE_WEIGHT_LIMIT: z.coerce
    .number()
    .int()
    .positive()
    .optional()
    .describe('weight of requests in a minute; 1200 as on Hyperliquid otherwise'),
})

/** The tools by which MCP clients hand goals to the swarm. */
export const swarm = z.object({
  CHIMERA_GATEWAY_URL: Url.optional().describe('the API to talk to, instead of the local stack'),
  CHIMERA_TOKEN: z.string().optional().describe('bearer token for that API'),
  SWARM_TOOLS: z
    .enum(['on', 'off'])
    .default('on')
    .describe('off: the stack starts no server of these tools'),
  SWARM_PORT: Port.default(0).describe('port of /mcp of the swarm; 0: any'),
  SWARM_HOST: z.string().default('127.0.0.1').describe('address of /mcp of the swarm'),
  TOOL_TOKEN: z.string().min(16).optional().describe('bearer token that opens /mcp'),
  TOOL_CLIENTS_FILE: z
    .string()
    .optional()
    .describe('hashes of the tokens of MCP clients (chimera tools token), re-read on change'),
})

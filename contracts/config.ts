/**
 * The one schema of the environment, in sections; a process parses only the sections it may know
 * (conventions.md section 4). Nothing that spends, publishes or opens a door has a default.
 */
import { z } from 'zod'

import { Milliseconds, Port, Url } from './environment/config-values.ts'
import { llm } from './environment/llm-config.ts'
import { memory } from './environment/memory-config.ts'
import {
  simulatedEvm,
  simulatedExchange,
  simulatedX,
  swarm,
  toolServer,
  trading,
  tweet,
  wallet,
} from './environment/tool-config.ts'
import { DEFAULT_TENANT } from './ids.ts'
import { APPROVAL_TTL_MS } from './judging/approval.ts'

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
  DATABASE_URL: Url.describe(
    'postgres://user:password@host:port/database; of a role: see chimera database login',
  ),
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

const TaskCount = z.coerce.number().int().min(1).max(1_000_000)

const worker = z.object({
  TOOL_TOKEN: z.string().min(16).describe('bearer token of workers at the tool servers'),
  WORKER_TASK_TYPES: z
    .string()
    .default('RESEARCH,CONTENT_GEN,TRANSACTION,ENGAGEMENT')
    .describe('task types that this worker takes, by comma'),
  AGENT_MAX_IN_FLIGHT: TaskCount.default(1_000).describe(
    'tasks of one agent that all workers have in hand at once; the others wait for their turn',
  ),
  TENANT_MAX_IN_FLIGHT: TaskCount.default(10_000).describe(
    'the same of one tenant; the same number for every worker',
  ),
})

const judge = z.object({
  JUDGE_KEY: z.string().min(1).describe('private JWK (Ed25519) that signs grants, hellos, voids'),
  RECEIPT_JWKS_FILE: z.string().min(1).describe('public keys of the tool servers, a JWKS file'),
  APPROVAL_TTL_MS: Milliseconds.default(APPROVAL_TTL_MS).describe(
    'how long people have to answer a request for approval; then the effect is EXPIRED',
  ),
})

const keeper = z.object({
  TOOL_CONTROL_TOKEN: z.string().min(16).describe('bearer token of /control at the tool servers'),
  SWEEP_MS: Milliseconds.default(1_000).describe('how often the Keeper looks for lost work'),
})

const gateway = z.object({
  GATEWAY_PORT: Port.default(7700).describe('port of the HTTP API'),
  GATEWAY_HOST: z.string().default('127.0.0.1').describe('address of the HTTP API'),
  AGENT_MAX_QUEUED: TaskCount.default(500_000).describe(
    'tasks of one agent that wait for their turn; beyond it the API refuses goals of the agent',
  ),
})

/** Who stops the tool servers, and ends the stop. */
const stops = z.object({
  TOOL_CONTROL_TOKEN: z.string().min(16).describe('bearer token of /control at the tool servers'),
  TOOL_KILL_TOKEN: z
    .string()
    .min(16)
    .optional()
    .describe("bearer token of the operator's own: it alone lowers kill levels"),
})

/** Read by the command line, not by a role. */
const cli = z.object({
  CHIMERA_GATEWAY_URL: Url.optional().describe('the API to talk to, instead of the local stack'),
  CHIMERA_TOKEN: z.string().optional().describe('bearer token for that API'),
  CHIMERA_KILL_TOKEN: z
    .string()
    .optional()
    .describe("the operator's own token for `kill lower`, instead of the state directory's"),
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
  llm,
  memory,
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
  'TOOL_KILL_TOKEN',
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
  'HYPERLIQUID_KEY',
  'SIMULATED_EXCHANGE_KEY',
  'CHIMERA_TOKEN',
  'LLM_API_KEY',
  'EMBEDDING_API_KEY',
  'WEAVIATE_API_KEY',
  'OPENAI_API_KEY',
  'ANTHROPIC_API_KEY',
  'CHIMERA_KILL_TOKEN',
]

/** The typed environment of the given sections. */
export type Config<S extends ConfigSection> =
  z.infer<(typeof CONFIG_SECTIONS)[S]> extends infer U ? UnionToIntersection<U> : never

type UnionToIntersection<U> = (U extends unknown ? (value: U) => void : never) extends (
  value: infer I,
) => void
  ? I
  : never

import { z } from 'zod'

/**
 * Who may ask a tool server beside the Workers: MCP clients with bearer tokens of their own. The
 * file holds hashes, so that a server verifies a token alone, without Postgres, and whoever reads
 * the file cannot use it (docs/decisions/0009-tokens-of-mcp-clients.md).
 */

/** The client's name is its principal: a token that replaces another keeps idempotency keys. */
export const ToolClientName = z
  .string()
  .regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/, 'use 1 to 64 letters, digits, dots or dashes')

/** One token, without its secret. */
export const ToolClient = z.strictObject({
  id: z.uuid(),
  name: ToolClientName,
  /** SHA-256 of the secret, lower-case hex; 256 random bits need no slow hash. */
  hash: z.string().regex(/^[0-9a-f]{64}$/),
  /** Audience: names of tool servers (`tweet`) or of accounts (`x-live`). */
  servers: z.array(z.string().min(1).max(128)).min(1).max(32),
  scopes: z.array(z.string().min(1).max(64)).min(1).max(32),
  created_at: z.iso.datetime(),
  /** Every token ends. */
  expires_at: z.iso.datetime(),
})
export type ToolClient = z.infer<typeof ToolClient>

export const MAX_TOOL_CLIENTS = 1_000

/** The file that `TOOL_CLIENTS_FILE` names. Taking a client out of it refuses its next request. */
export const ToolClients = z.strictObject({
  version: z.literal(1),
  clients: z.array(ToolClient).max(MAX_TOOL_CLIENTS),
})
export type ToolClients = z.infer<typeof ToolClients>

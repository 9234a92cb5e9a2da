import { TerminalError } from '@chimera/contracts/errors'
import { META_GRANT, META_IDEMPOTENCY_KEY } from '@chimera/contracts/grant'
import type { ServerContext } from '@modelcontextprotocol/server'
import { z } from 'zod'

import type { ServedTool } from './define-tool.ts'

/** Tells the client how far a call is, when it asked to know; never rejects. */
export type ReportProgress = (
  step: Readonly<{ progress: number; total?: number; message?: string }>,
) => void

/** Who calls, and what came beside the arguments. */
export type CallContext = Readonly<{
  principal: string
  grant: string | undefined
  idempotencyKey: string | undefined
  /** What the caller's token is good for; absent on stdio, where the caller owns the process. */
  scopes?: readonly string[]
  progress?: ReportProgress
  /** Aborted when the caller no longer waits. */
  signal?: AbortSignal
}>

/** The argument by which a client that has no hand on `_meta` names its intent. */
export const KEY_ARGUMENT = 'idempotency_key'

/** What every mutating tool shows of it. */
export const KEY_SCHEMA = {
  type: 'string',
  minLength: 1,
  maxLength: 128,
  description:
    'name of your intent: the same for the same intent, also when you try again, and then it is ' +
    'done once; another for another intent. Needed where no grant comes along, but for posts',
} as const

const Key = z.string().min(KEY_SCHEMA.minLength).max(KEY_SCHEMA.maxLength)
const Arguments = z.record(z.string(), z.unknown())

/**
 * Takes the idempotency key out of a mutating call, from `_meta` or from the arguments: the
 * effect's own arguments are what is left. Throws IDEMPOTENCY_KEY_INVALID.
 */
export function readCall(of: {
  tool: ServedTool
  args: unknown
  context: ServerContext
  principal: string
}): { args: unknown; call: CallContext } {
  const { tool, principal } = of
  const { _meta: meta } = of.context.mcpReq
  const grant = textOf(meta?.[META_GRANT])
  const parsed = Arguments.safeParse(of.args)
  if (tool.kind === 'read' || !parsed.success || !Object.hasOwn(parsed.data, KEY_ARGUMENT)) {
    const idempotencyKey = keyOf(meta?.[META_IDEMPOTENCY_KEY])
    return { args: of.args, call: { principal, grant, idempotencyKey } }
  }
  const { [KEY_ARGUMENT]: given, ...args } = parsed.data
  const idempotencyKey = keyOf(given)
  const other = keyOf(meta?.[META_IDEMPOTENCY_KEY])
  if (other !== undefined && other !== idempotencyKey) {
    throw new TerminalError('IDEMPOTENCY_KEY_INVALID', 'Two idempotency keys came with one call.')
  }
  return { args, call: { principal, grant, idempotencyKey } }
}

function keyOf(value: unknown): string | undefined {
  if (value === undefined) return undefined
  const key = Key.safeParse(value)
  if (key.success && key.data.isWellFormed()) return key.data
  const detail = `An idempotency key is a text of ${Key.minLength} to ${Key.maxLength} characters.`
  throw new TerminalError('IDEMPOTENCY_KEY_INVALID', detail)
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined
}

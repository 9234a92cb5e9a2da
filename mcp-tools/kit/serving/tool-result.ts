import {
  ChimeraError,
  ERROR_CODES,
  RetryableError,
  type ErrorCode,
} from '@chimera/contracts/errors'
import { META_RECEIPT } from '@chimera/contracts/grant'
import type { CallToolResult } from '@modelcontextprotocol/server'
import { z } from 'zod'

import type { Entry } from '../ledger/entry.ts'
import type { EffectReply } from '../protocol/effect-call.ts'
import type { Refusal } from '../provider/exchange.ts'
import { isErrorCode, type ServedEffectTool, type ServedTool } from './define-tool.ts'
import { cleanTexts, plainText } from './outside-text.ts'

/** A read's answer. */
export function readResult(fields: Record<string, unknown>, tool: ServedTool): CallToolResult {
  return resultOf({ status: 'OK', ...fields, ...tool.always }, { isError: false })
}

/** What became of an effect; an error unless it happened. The signed receipt rides along. */
export function effectResult(reply: EffectReply, tool: ServedEffectTool): CallToolResult {
  const receipt = reply.receipt
  if (reply.kind === 'refused') {
    const why = refusalFields(reply.refusal)
    return resultOf({ status: 'NONE', ...why, ...tool.always }, { isError: true, receipt })
  }
  const { entry } = reply
  const own = { ...tool.effect.describe(entry), ...tool.always }
  if (entry.state === 'CONFIRMED') {
    return resultOf({ status: entry.state, ...own }, { isError: false, receipt })
  }
  const why = refusalFields({
    code: codeOf(entry),
    detail: entry.detail ?? `The effect is ${entry.state}.`,
    ...(entry.retryAfterMs === undefined ? {} : { retryAfterMs: entry.retryAfterMs }),
  })
  return resultOf({ status: entry.state, ...why, ...own }, { isError: true, receipt })
}

/**
 * A call that failed before there could be an outcome. What is not ours to say becomes TOOL_FAILED.
 */
export function errorResult(error: unknown, { always }: ServedTool): CallToolResult {
  if (!(error instanceof ChimeraError)) {
    const detail = 'The tool server failed; its log says how.'
    const why = refusalFields({ code: 'TOOL_FAILED', detail })
    return resultOf({ status: 'NONE', ...why, ...always }, { isError: true })
  }
  const retryAfterMs = error instanceof RetryableError ? error.retryAfterMs : undefined
  const refusal = {
    code: error.code,
    detail: error.message,
    ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
  }
  return resultOf({ status: 'NONE', ...refusalFields(refusal), ...always }, { isError: true })
}

/** The ledger's own reason, or what its state amounts to. */
function codeOf({ code, state }: Entry): ErrorCode {
  if (code !== undefined && isErrorCode(code)) return code
  if (state === 'NOT_SENT') return 'NOT_SENT'
  return state === 'NOT_HAPPENED' ? 'UPSTREAM_UNAVAILABLE' : 'OUTCOME_UNKNOWN'
}

function refusalFields(refusal: Refusal): Record<string, unknown> {
  const { code, detail, retryAfterMs } = refusal
  return {
    code,
    message: plainText(detail, MAX_MESSAGE),
    retryable: ERROR_CODES[code].kind === 'retryable',
    ...(retryAfterMs === undefined ? {} : { retry_after_ms: Math.ceil(retryAfterMs) }),
  }
}

/** A sentence, which may quote a provider. */
const MAX_MESSAGE = 1_000

const Fields = z.record(z.string(), z.unknown())

function resultOf(
  fields: Record<string, unknown>,
  as: { isError: boolean; receipt?: string | undefined },
): CallToolResult {
  const structuredContent = Fields.parse(cleanTexts(fields))
  return {
    content: [{ type: 'text', text: JSON.stringify(structuredContent) }],
    structuredContent,
    isError: as.isError,
    ...(as.receipt === undefined ? {} : { _meta: { [META_RECEIPT]: as.receipt } }),
  }
}

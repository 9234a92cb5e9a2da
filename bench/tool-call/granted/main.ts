/**
 * A tool server as the product runs it (process shell, log, metrics, tokens, grants, ledger at
 * synchronous=FULL, receipts), with a tool that does nothing: where others write to a socket, it
 * has its answer at once.
 */
import { openToolProcess } from '@chimera/mcp-kit/open-tool-process'
import { RULES } from '@chimera/mcp-kit/protocol/rules'
import type { SendOnce } from '@chimera/mcp-kit/provider/send-once'
import { defineEffectTool } from '@chimera/mcp-kit/serving/define-tool'
import { runProcess } from '@chimera/runtime/run-process'
import { z } from 'zod'

import { NOOP } from '../noop.ts'

/** Everything of a send but the connection: the last look is taken. */
const sendNothing: SendOnce = async ({ maySend, onSending, onSent }) => {
  const refusal = maySend()
  if (refusal !== undefined) return { kind: 'not_sent', refusal }
  onSending?.()
  onSent?.()
  return { kind: 'answered', response: { status: 200, headers: {}, body: Buffer.alloc(0) } }
}

let done = 0
const noop = defineEffectTool({
  ...NOOP,
  scope: 'tweet:write',
  annotations: {
    readOnlyHint: false,
    destructiveHint: false,
    idempotentHint: true,
    openWorldHint: false,
  },
  input: { text: z.string().min(1).max(280) },
  output: { ref: z.string() },
  plan: ({ text }) => ({
    content: text,
    costUsdMicros: 1n,
    deadlineMs: 10_000,
    prepare: () => ({
      method: 'POST',
      url: 'http://127.0.0.1:9/',
      headers: {},
      body: Buffer.from(text),
    }),
    checkLimits: () => undefined,
    checkWindow: () => undefined,
    classify: () => ({ outcome: 'accepted', providerRef: String((done += 1)) }),
  }),
  describe: ({ providerRef }) => (providerRef === undefined ? {} : { ref: providerRef }),
})

await runProcess({
  name: 'noop',
  sections: ['toolServer'],
  start: async (context) =>
    openToolProcess(context, {
      name: 'noop',
      backend: { label: 'simulated', isLive: false },
      reconciler: {
        absence: { afterMs: 60_000, reads: 1, readsApartMs: 60_000 },
        look: async () => ({ kind: 'not_yet' }),
      },
      tools: () => [noop],
      rules: { ...RULES, send: sendNothing },
    }),
})

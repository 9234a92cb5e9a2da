import { z } from 'zod'

import type { CliContext } from '../../context.ts'
import { CliExit, EXIT } from '../../exit-codes.ts'
import { openGatewayClient } from '../../gateway-client.ts'
import { renderFields, renderTable } from '../../terminal-table.ts'
import { printableJson } from '../../terminal-text.ts'
import { readPolicyFile } from './read-policy-file.ts'

const Explained = z.object({
  decided: z
    .object({
      decision: z.string(),
      rules: z.array(z.string()),
      policy: z.string(),
      at: z.string(),
    })
    .optional(),
  decision: z.object({
    decision: z.string(),
    code: z.string(),
    reason: z.string(),
    policy: z.string().optional(),
  }),
  rules: z.array(
    z.object({
      rule: z.string(),
      effect: z.string(),
      applies: z.string(),
      conditions: z.array(z.object({ name: z.string(), holds: z.string() })),
    }),
  ),
})

/** Explains the decision on an effect or on an imagined request, rule by rule. */
export async function explainDecision(
  effect: string | undefined,
  options: Readonly<{ request?: string; version?: number; policy?: string; json?: boolean }>,
  context: CliContext,
): Promise<void> {
  const { version, policy, request } = options
  if ((effect === undefined) === (request === undefined)) {
    throw new CliExit(EXIT.usage, 'Name an effect, or give a --request.')
  }
  const client = await openGatewayClient(context)
  const answer = await client.post('/v1/policy/explain', {
    ...(effect === undefined ? {} : { effect }),
    ...(request === undefined ? {} : { request: jsonOf(request) }),
    ...(version === undefined ? {} : { version }),
    ...(policy === undefined ? {} : { source: readPolicyFile(policy).source }),
  })
  if (options.json === true) return context.out(printableJson(answer))
  const { decided, decision, rules } = Explained.parse(answer)
  const was = decided && `${decided.decision} by ${decided.policy} at ${decided.at}`
  const fields = renderFields({
    decided: was,
    rules: decided?.rules.join(', '),
    policy: decision.policy,
    decision: `${decision.decision} (${decision.code})`,
    reason: decision.reason,
  })
  for (const line of fields) context.out(line)
  const rows = rules.map((one) => [
    one.rule,
    one.effect,
    one.applies,
    one.conditions.map(({ name, holds }) => `${name}: ${holds}`).join(', '),
  ])
  context.out('')
  const head = ['rule', 'effect', 'applies', 'conditions']
  for (const line of renderTable(head, rows)) context.out(line)
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause)
    throw new CliExit(EXIT.usage, `The --request is no JSON: ${why}`)
  }
}

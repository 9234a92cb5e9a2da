import { createReadStream } from 'node:fs'
import { createInterface } from 'node:readline'

import { PolicyDocument } from '@chimera/contracts/policy/policy-document'
import { type PolicyDecision, PolicyRequest } from '@chimera/contracts/policy/policy-request'
import { type CompiledPolicy, compilePolicy } from '@chimera/domain/policy/compile-policy'
import { evaluatePolicy } from '@chimera/domain/policy/evaluate-policy'
import { z } from 'zod'

import type { CliContext } from '../../context.ts'
import { CliExit, EXIT } from '../../exit-codes.ts'
import { openGatewayClient } from '../../gateway-client.ts'
import { readPolicyFile } from './read-policy-file.ts'

const MAX_LINE = 1_000_000

/**
 * Decides requests, a JSON object a line, in the order that they come: each answer is a line, and
 * a line that is no request is denied like every other that has no canonical form.
 */
export async function evaluateRequests(
  options: Readonly<{ file?: string; policy?: string }>,
  context: CliContext,
): Promise<void> {
  const policy = await openPolicy(options.policy, context)
  const input = options.file === undefined ? process.stdin : createReadStream(options.file)
  const unreadable = new Promise<never>((_, reject) => {
    input.once('error', (cause: Error) =>
      reject(new CliExit(EXIT.notFound, `The requests cannot be read: ${cause.message}`)),
    )
  })
  const told = (async () => {
    for await (const line of createInterface({ input, crlfDelay: Infinity })) {
      if (line.trim() !== '') context.out(JSON.stringify(decisionOn(line, policy)))
    }
  })()
  await Promise.race([told, unreadable])
}

function decisionOn(line: string, policy: CompiledPolicy): PolicyDecision {
  const parsed = PolicyRequest.safeParse(jsonOf(line))
  if (parsed.success) return evaluatePolicy(policy, parsed.data)
  const [issue] = parsed.error.issues
  const where = issue?.path.map((part) => `/${String(part)}`).join('') ?? ''
  return {
    decision: 'deny',
    rules: [],
    code: 'POLICY_INPUT_INVALID',
    reason: `The line is no request: ${where} ${issue?.message ?? ''}`.slice(0, 1000),
    policy: policy.name,
  }
}

function jsonOf(line: string): unknown {
  if (line.length > MAX_LINE) return undefined
  try {
    return JSON.parse(line)
  } catch {
    return undefined
  }
}

const Shown = z.object({ version: z.int(), rules: z.unknown(), policy: z.string() })
const InForce = z.object({ lists: z.unknown(), prices: z.unknown() })

async function openPolicy(file: string | undefined, context: CliContext): Promise<CompiledPolicy> {
  if (file !== undefined) return compiled(readPolicyFile(file).document)
  const client = await openGatewayClient(context)
  const answer = await client.get('/v1/policy')
  const { version, rules, policy } = Shown.parse(answer)
  const { lists, prices } = InForce.parse(answer)
  const name = policy.split('@')[0]
  return compiled(PolicyDocument.parse({ policy: 1, name, lists, prices, rules }), version)
}

function compiled(document: PolicyDocument, version?: number): CompiledPolicy {
  const made = compilePolicy(document, version)
  if (!('faults' in made)) return made
  const [first] = made.faults
  throw new CliExit(EXIT.failed, `Rule ${first?.rule}: ${first?.fault}.`)
}

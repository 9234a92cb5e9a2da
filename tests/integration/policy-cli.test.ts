/** `chimera policy ...` against a real gateway, and without one. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { registerPolicyCommands } from '@chimera/cli/commands/policy/policy-commands'
import { exitCodeOf } from '@chimera/cli/exit-codes'
import { PolicyDecision } from '@chimera/contracts/policy/policy-request'
import { DEFAULT_POLICY } from '@chimera/infra/policies/default-policy'
import { Command } from 'commander'
import { afterAll, beforeAll, expect, test } from 'vitest'

import { type GatewayRig, openGatewayRig } from './gateway-rig.ts'

let rig: GatewayRig
const folder = mkdtempSync(join(tmpdir(), 'chimera-policy-'))
const fileOf = (name: string, text: string): string => {
  const file = join(folder, name)
  writeFileSync(file, text)
  return file
}

beforeAll(async () => {
  rig = await openGatewayRig()
})
afterAll(async () => {
  await rig[Symbol.asyncDispose]()
  rmSync(folder, { recursive: true })
})

async function run(args: readonly string[], isAlone = false) {
  const [out, err]: [string[], string[]] = [[], []]
  const env = isAlone
    ? { CHIMERA_STATE_DIR: join(folder, 'no-stack') }
    : { CHIMERA_GATEWAY_URL: rig.url, CHIMERA_TOKEN: rig.token }
  const program = new Command('chimera').exitOverride().configureOutput({ writeErr: () => {} })
  registerPolicyCommands(program, {
    env,
    out: (line) => out.push(line),
    err: (line) => err.push(line),
  })
  const code = await program.parseAsync(['policy', ...args], { from: 'user' }).then(
    () => 0,
    (error: unknown) => {
      err.push(error instanceof Error ? error.message : String(error))
      return exitCodeOf(error)
    },
  )
  return { code, out, err: err.join('\n') }
}

const MINE = `policy: 1
name: mine
rules:
  - { id: posts, effect: allow, why: Posts are fine., when: { action: tweet.post, mode: paper } }
`
const request = (over: object) =>
  JSON.stringify({
    tenant: 't1',
    agent: 'default',
    tool: 'post_tweet',
    mode: 'paper',
    label: 'owner',
    time: '2026-11-21T12:00:00Z',
    ...over,
  })

test('a file is checked, compared, tried and put in force', async () => {
  const file = fileOf('mine.yaml', MINE)
  expect(await run(['lint', file], true)).toMatchObject({
    code: 0,
    out: ['mine: 1 rules, 0 findings.'],
  })
  const diff = await run(['diff', file])
  expect(diff.out).toContain('rule posts')
  expect(await run(['simulate', file])).toMatchObject({ code: 0 })
  const applied = await run(['apply', file, '--note', 'mine', '--expect', '0'])
  expect(applied).toMatchObject({ code: 0, out: [expect.stringContaining('mine@1 is in force')] })
  expect((await run(['show'])).out.join('\n')).toBe(`# mine@1\n${MINE.trimEnd()}`)
  expect((await run(['ls'])).out.join('\n')).toMatch(/^1 +in force .* mine/m)
  expect(await run(['apply', file, '--expect', '0'])).toMatchObject({ code: 6 })
  const shipped = await run(['show', '--version', '0'])
  expect(shipped.out.slice(1).join('\n')).toBe(DEFAULT_POLICY.trimEnd())
})

test('requests are decided a line each, with rule ids, in order', async () => {
  const lines = [
    request({ id: '1' }),
    request({ id: '2', tool: 'transfer_native' }),
    'no json',
    request({ id: '4', extra: true }),
  ]
  const file = fileOf('requests.jsonl', `${lines.join('\n')}\n`)
  const policy = fileOf('default.yaml', DEFAULT_POLICY)
  const answered = await run(['evaluate', '--jsonl', '--file', file, '--policy', policy], true)
  const decisions = answered.out.map((line) => PolicyDecision.parse(JSON.parse(line)))
  expect(decisions).toMatchObject([
    { id: '1', decision: 'allow', rules: ['simulated-posts'], policy: 'default' },
    { id: '2', decision: 'deny', code: 'POLICY_INPUT_INVALID' },
    { decision: 'deny', code: 'POLICY_INPUT_INVALID' },
    { decision: 'deny', code: 'POLICY_INPUT_INVALID' },
  ])
  const inForce = await run(['evaluate', '--jsonl', '--file', file])
  expect(JSON.parse(inForce.out[0] ?? '')).toMatchObject({ rules: ['posts'], policy: 'mine@1' })
})

test('a decision is explained rule by rule', async () => {
  const told = await run(['explain', '--request', request({ mode: 'live' })])
  expect(told.out.join('\n')).toMatch(/decision +deny \(POLICY_NO_RULE\)/)
  expect(told.out.join('\n')).toMatch(/posts +allow +no +action: yes, mode: no/)
})

test('what is no policy is told by line or place, and exits as wrong input', async () => {
  const bad = fileOf('bad.yaml', 'policy: 1\nname: mine\nrules: [{ id: A }]\n')
  const told = await run(['lint', bad], true)
  expect(told.code).not.toBe(0)
  expect(told.err).toMatch(/rules\/0\/id is no rule id/)
  expect(await run(['lint', join(folder, 'none.yaml')], true)).toMatchObject({ code: 3 })
})

test('prices are written down and told', async () => {
  expect(await run(['price', 'set', 'ETH', '3150.25', '--decimals', '18'])).toMatchObject({
    code: 0,
  })
  expect((await run(['price', 'ls'])).out.join('\n')).toMatch(/ETH +3150\.250000 +18/)
})

/**
 * Approvers who are removed, against a real record, a real Judge and a real ledger: at whatever
 * moment of the judging a right is taken away, nothing that rests on that person's word is claimed
 * after the change was acknowledged.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { GrantClaims } from '@chimera/contracts/grant'
import { DEFAULT_TENANT, newId } from '@chimera/contracts/ids'
import { takeWordAway } from '@chimera/gateway/approvals/take-word-away'
import { appendAudit, draftAudit } from '@chimera/infra/database/append-audit'
import { readFences } from '@chimera/infra/database/fences/read-fences'
import { putMember } from '@chimera/infra/database/tenancy/members'
import { setStanding } from '@chimera/infra/database/tenancy/set-standing'
import { createToken } from '@chimera/infra/database/tokens/create-token'
import { findPrincipal } from '@chimera/infra/database/tokens/find-principal'
import { revokeToken } from '@chimera/infra/database/tokens/revoke-token'
import { bringFence } from '@chimera/infra/tools/bring-fence'
import type { ToolControl } from '@chimera/infra/tools/tool-control'
import { APPROVAL_RULES, type ApprovalRules } from '@chimera/judge/approval-rules'
import { handleRings } from '@chimera/judge/handle-rings'
import { openLedger, type Ledger } from '@chimera/mcp-kit/ledger/ledger'
import { scopesOf } from '@chimera/mcp-kit/protocol/scopes'
import { decodeJwt } from 'jose'
import { afterAll, beforeAll, expect, test } from 'vitest'

import { control, guarantee, sampleSize, seeded, type Random } from '../../guarantee.ts'
import { interrupted } from '../../interrupted.ts'
import { ACCOUNT } from '../judge-rig.ts'
import { openApprovalRig, type ApprovalRig, type Person } from './approval-rig.ts'

let rig: ApprovalRig
let ledger: Ledger
const folder = mkdtempSync(join(tmpdir(), 'chimera-removed-'))

beforeAll(async () => {
  rig = await openApprovalRig()
  const clock = { wall: () => Date.now(), monotonic: () => performance.now() }
  ledger = openLedger({ path: join(folder, 'ledger.sqlite'), account: ACCOUNT, clock })
})
afterAll(async () => {
  ledger[Symbol.dispose]()
  rmSync(folder, { recursive: true, force: true })
  await rig[Symbol.asyncDispose]()
})

type Fencing = ToolControl['fence']

/** Fences the ledger as the control endpoint of its server does. */
const fenceLedger: Fencing = ({ scope, epoch = 1, stopped }) => {
  const now = ledger.fences.raise(scope, { epoch, isStopped: stopped })
  return Promise.resolve({ epoch: now.epoch, in_flight: [] })
}
const fenceNothing: Fencing = () => Promise.resolve({ epoch: 1, in_flight: [] })

type Approver = Person & { readonly id: string }

const userOf = (id: string, roles: readonly string[]) => ({
  kind: 'user' as const,
  tenantId: DEFAULT_TENANT,
  id,
  fields: { email: `${id}@example.org`, roles },
})

/** A user with the role, and a token of it. */
async function approver(): Promise<Approver> {
  const { database } = rig.judge
  const id = `user-${newId()}`
  const audit = draftAudit()
  await database.transaction(async (tx) => {
    await putMember(tx, userOf(id, ['viewer', 'approver']), audit)
    await appendAudit(tx, audit, 'test')
  })
  const token = { name: id, scopes: [], roles: ['approver'] as const, userId: id }
  const made = { ...token, tenantId: DEFAULT_TENANT, actor: 'test' }
  const { secret } = await createToken(database, made)
  const principal = await findPrincipal(database, secret)
  if (principal === undefined) throw new Error('the token is not known')
  return { principal, name: `user:${id}`, id }
}

/** The ways to take somebody's right to approve away; each answers when it is acknowledged. */
const REMOVALS = {
  async revoked({ principal }: Approver, fence: Fencing) {
    const { database } = rig.judge
    const revoked = await revokeToken(database, {
      tenantId: DEFAULT_TENANT,
      idOrName: principal.tokenId,
      actor: 'test',
    })
    if (revoked.fence === undefined) return
    const openControl = () => ({ fence })
    await bringFence({ database, openControl, fence: revoked.fence, withinMs: 5_000 })
  },
  async 'without the role'({ id }: Approver, fence: Fencing) {
    await takeWordAway(depsOf(fence), userIs(id), async (tx, audit) => {
      const value = await putMember(tx, userOf(id, ['viewer']), audit)
      return { value, mayApprove: false }
    })
  },
  async paused({ id }: Approver, fence: Fencing) {
    await takeWordAway(depsOf(fence), userIs(id), async (tx, audit) => {
      const paused = { kind: 'user', tenantId: DEFAULT_TENANT, id, to: 'PAUSED' } as const
      return { value: await setStanding(tx, paused, audit), mayApprove: false }
    })
  },
}
const WAYS = ['revoked', 'without the role', 'paused'] as const

const userIs = (userId: string) => ({ tenantId: DEFAULT_TENANT, userId, actor: 'test' })
const depsOf = (fence: Fencing) => ({
  database: rig.judge.database,
  openControl: () => ({ fence, status: () => Promise.reject(new Error('nobody asks for it')) }),
})

/** Before which statement: judging one tweet with an approval takes so many, and a few more. */
const ANY_MOMENT = [1, 34] as const

type Given = {
  n: number
  random: Random
  fence?: Fencing
  rules?: ApprovalRules
}

/** Grants that a tool server would still act on, though the removal had been acknowledged. */
async function expectHeld({ n, random, fence = fenceLedger, rules }: Given): Promise<void> {
  const { deps, database } = rig.judge
  const open: string[] = []
  let granted = 0
  let held = 0
  for (let round = 0; round < n; round += 1) {
    const anna = await approver()
    const { goalId, taskId } = await rig.propose({ confidence: 0.8 })
    await rig.look(taskId)
    const [request] = await rig.approvalsOf(goalId)
    await rig.commit(anna, request?.id ?? '', { decision: 'approve' })
    const way = random.pick(WAYS)
    let acknowledged: Promise<unknown> | undefined
    const act = () => (acknowledged ??= REMOVALS[way](anna, fence))
    const at = random.integer(...ANY_MOMENT)
    const judge = { ...deps, ...(rules === undefined ? {} : { approvalRules: rules }) }
    const rings = [{ look_at: 'task' as const, id: taskId }]
    await handleRings({ ...judge, database: interrupted(database, { at, act }) }, rings)
    await act()
    // Judged once more, when nobody's word is left.
    await rig.look(taskId)
    const out = (await rig.roundsOf(goalId)).filter(({ state }) => state === 'GRANTED')
    if (out.length === 0) held += 1
    for (const { grant_jws: jws } of out) {
      granted += 1
      const claims = GrantClaims.parse(decodeJwt(jws ?? ''))
      const scopes = scopesOf({ ...claims, account: claims.aud })
      if (ledger.fences.findFenced(scopes, claims.fences) === undefined) {
        open.push(`${way} before statement ${at}: a grant of ${goalId} may be claimed`)
      }
    }
  }
  expect(open).toEqual([])
  // Removals came before grants and after them.
  expect(granted).toBeGreaterThan(0)
  expect(held).toBeGreaterThan(0)
}

const ROUNDS = sampleSize({ ci: 20, full: 500 })

guarantee(
  {
    id: 'approver-removed-between-judgement-and-claim',
    title: 'what rests on who was removed is not claimed after that was acknowledged',
    n: ROUNDS,
    seed: 31,
    timeoutMs: 300_000 + ROUNDS * 1_000,
  },
  ({ n, random }) => expectHeld({ n, random }),
)

control(
  {
    guard: 'the fence at the tool servers',
    test: 'approver-removed-between-judgement-and-claim',
    timeoutMs: 300_000,
    expect: /to deeply equal \[\]/,
  },
  () => expectHeld({ n: 15, random: seeded(31), fence: fenceNothing }),
)

control(
  {
    guard: 'the look at who may still approve in the granting transaction',
    test: 'approver-removed-between-judgement-and-claim',
    timeoutMs: 300_000,
    expect: /to deeply equal \[\]/,
  },
  () =>
    expectHeld({
      n: 25,
      random: seeded(37),
      rules: {
        ...APPROVAL_RULES,
        hold: async (_tx, approvals) => new Set(approvals.map(({ id }) => id)),
      },
    }),
)

test('who has no grant resting on a word takes nobody else down', async () => {
  const { database } = rig.judge
  const [anna, ben] = [await approver(), await approver()]
  const { goalId, taskId } = await rig.propose({ confidence: 0.8 })
  await rig.look(taskId)
  const [request] = await rig.approvalsOf(goalId)
  await rig.say(anna, request?.id ?? '', { decision: 'approve' })
  const before = await readFences(database)
  for (const way of WAYS) await REMOVALS[way](ben, fenceLedger)
  expect(await readFences(database)).toEqual(before)
  // Another who said yes as well changes nothing of who is removed.
  await REMOVALS.paused(anna, fenceLedger)
  const epochOf = (fences: typeof before): number =>
    fences.find(({ scope }) => scope === `tenant:${DEFAULT_TENANT}`)?.epoch ?? 0
  expect(epochOf(await readFences(database))).toBe(epochOf(before) + 1)
})

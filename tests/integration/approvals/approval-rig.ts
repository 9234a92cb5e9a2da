import { canonicalHash } from '@chimera/contracts/canonical'
import type { ProposedEffect } from '@chimera/contracts/effect'
import { DEFAULT_TENANT, newId } from '@chimera/contracts/ids'
/** A Judge, people with roles, and goals whose effects need them. */
import type { Decision } from '@chimera/contracts/judging/approval'
import { decide, type Decided } from '@chimera/gateway/approvals/decide'
import { expireApprovals } from '@chimera/infra/database/approvals/expire-approvals'
import { createToken } from '@chimera/infra/database/tokens/create-token'
import { findPrincipal, type Principal } from '@chimera/infra/database/tokens/find-principal'
import { handleRings, type JudgeDeps } from '@chimera/judge/handle-rings'

import { BOOT, LEDGER, openJudgeRig, type JudgeRig } from '../judge-rig.ts'

export type Person = Readonly<{ principal: Principal; name: string }>

export type ApprovalRow = {
  id: string
  state: string
  args_hash: string
  requester: string
  editor: string | null
  superseded_by: string | null
  withdrawn_at: Date | null
  reason: string | null
}

export type RoundOf = {
  id: string
  round: number
  state: string
  args: unknown
  args_hash: string
  effect_key: string
  approvals: string[]
  grant_id: string | null
  grant_jws: string | null
  cancelling: boolean
  code: string | null
}

export type ApprovalRig = AsyncDisposable & {
  readonly judge: JudgeRig
  /** Somebody with a token and the role approver, or without. */
  person(of?: { mayApprove?: boolean }): Promise<Person>
  /** A goal with one task in REVIEW that proposes what is given; answers its ids. */
  propose(of: {
    requester?: string
    confidence?: number
    effect?: ProposedEffect | null
    /** The same effect once more, in a slot of its own. */
    hasTwin?: boolean
    content?: Record<string, unknown>
    mode?: 'paper' | 'live'
  }): Promise<{ goalId: string; taskId: string }>
  /** Has the Judge look. */
  look(taskId: string, deps?: JudgeDeps): Promise<void>
  /** A person says something; the Judge has not looked yet. What is refused throws. */
  commit(person: Person, id: string, decision: Decision): Promise<Decided>
  /** Has a task that waits for people judged again, without a word of theirs. */
  wake(taskId: string): Promise<void>
  /** A person says something and the Judge looks. */
  say(person: Person, id: string, decision: Decision): Promise<Decided>
  approvalsOf(goalId: string): Promise<ApprovalRow[]>
  roundsOf(goalId: string): Promise<RoundOf[]>
  taskOf(taskId: string): Promise<{
    phase: string
    feedback: string | null
    failure: { code: string } | null
    rejections: number
    waiting_on: { reason: string } | null
  }>
  /** Lets the time of a request be over, as its clock would. */
  letTimePass(id: string): Promise<void>
  /** What the Keeper does then. */
  sweep(): Promise<void>
}

const WALLET = 'evm:default'

/** The payment that the content of a goal names. */
export const payment = (amount = '5'): ProposedEffect => ({
  slot: 'pay:1',
  tool: 'transfer_native',
  args: { to: '0xabc', amount },
  provenance: {
    '/to': { source: 'goal', path: '/params/to' },
    '/amount': { source: 'goal', path: '/params/amount' },
  },
})

export const tweet = (text = 'hello world'): ProposedEffect => ({
  slot: 'publish',
  tool: 'post_tweet',
  args: { text, media_ids: [], is_ai_labeled: true },
  provenance: {
    '/text': { source: 'goal', path: '/params/text' },
    '/media_ids': { source: 'default', rule: 'no-media' },
    '/is_ai_labeled': { source: 'default', rule: 'ai-labeled' },
  },
})

export async function openApprovalRig(): Promise<ApprovalRig> {
  const judge = await openJudgeRig()
  const { database, deps } = judge
  await openWallet(judge)
  const look = (taskId: string, of: JudgeDeps = deps) =>
    handleRings(of, [{ look_at: 'task', id: taskId }])
  return {
    judge,
    look,
    async person({ mayApprove = true } = {}) {
      const name = newId()
      const { secret } = await createToken(database, {
        tenantId: DEFAULT_TENANT,
        name,
        scopes: [],
        roles: mayApprove ? ['approver'] : ['operator'],
        actor: 'test',
      })
      const principal = await findPrincipal(database, secret)
      if (principal === undefined) throw new Error('the token is not known')
      return { principal, name: `token:${principal.tokenId}` }
    },
    propose: (of) => propose(judge, of),
    commit: (person, id, decision) =>
      decide(database, { principal: person.principal, id, decision }),
    async wake(taskId) {
      await database.query({
        text: `UPDATE tasks SET phase = 'judging', version_id = $2
          WHERE id = $1 AND phase = 'awaiting_approval'`,
        values: [taskId, newId()],
      })
    },
    async say(person, id, decision) {
      const decided = await decide(database, { principal: person.principal, id, decision })
      await handleRings(deps, decided.rings)
      return decided
    },
    ...readers(judge),
    async letTimePass(id) {
      // The binding is frozen: only the owner of the table may turn its clock back.
      await database.transaction(async (tx) => {
        const trigger = 'TRIGGER approvals_binding_is_frozen'
        await tx.query({ text: `ALTER TABLE approvals DISABLE ${trigger}` })
        await tx.query({
          text: `UPDATE approvals SET expires_at = now() - interval '1 second' WHERE id = $1`,
          values: [id],
        })
        await tx.query({ text: `ALTER TABLE approvals ENABLE ${trigger}` })
      })
    },
    async sweep() {
      const { tasks } = await expireApprovals(database, { actor: 'keeper', limit: 500 })
      await handleRings(
        deps,
        tasks.map(({ id }) => ({ look_at: 'task' as const, id })),
      )
    },
    [Symbol.asyncDispose]: () => judge[Symbol.asyncDispose](),
  }
}

function readers({ database }: JudgeRig): Pick<ApprovalRig, 'approvalsOf' | 'roundsOf' | 'taskOf'> {
  return {
    approvalsOf: (goalId) =>
      database.query<ApprovalRow>({
        text: `SELECT id, state, args_hash, requester, editor, superseded_by, withdrawn_at, reason
          FROM approvals WHERE goal_id = $1 ORDER BY n`,
        values: [goalId],
      }),
    roundsOf: (goalId) =>
      database.query<RoundOf>({
        text: `SELECT id, round, state, args, args_hash, effect_key, approvals, grant_id, grant_jws,
            cancelling, code FROM effects WHERE goal_id = $1 ORDER BY slot, round`,
        values: [goalId],
      }),
    async taskOf(taskId) {
      const [row] = await database.query<Awaited<ReturnType<ApprovalRig['taskOf']>>>({
        text: `SELECT phase, feedback, failure, rejections, waiting_on FROM tasks WHERE id = $1`,
        values: [taskId],
      })
      if (row === undefined) throw new Error('the task is gone')
      return row
    },
  }
}

async function openWallet({ database }: JudgeRig): Promise<void> {
  await database.query({
    text: `INSERT INTO tool_accounts (account, server, url, backend, live, boot, ledger_id,
        definitions, state, version_id)
      VALUES ($1, 'wallet', 'http://127.0.0.1:1', 'simulated', false, $2, $3, $4, 'open', $5)`,
    values: [WALLET, BOOT, LEDGER, JSON.stringify({ transfer_native: 'b'.repeat(64) }), newId()],
  })
  await database.query({
    text: `INSERT INTO tool_bindings (tenant_id, agent_id, tool, account)
      VALUES ($1, '*', 'transfer_native', $2)`,
    values: [DEFAULT_TENANT, WALLET],
  })
}

async function propose(
  { database }: JudgeRig,
  of: Parameters<ApprovalRig['propose']>[0],
): Promise<{ goalId: string; taskId: string }> {
  const { effect = tweet(), confidence = 0.8, requester = 'user:owner' } = of
  const goalId = newId()
  const taskId = newId()
  const content = of.content ?? {
    text: 'do it',
    params: { text: 'hello world', to: '0xabc', amount: '5' },
  }
  await database.query({
    text: `INSERT INTO goals (tenant_id, id, version_id, status, mode, agent_id, source, trust,
        content, content_hash, tasks_total, tasks_open, audit_id, requested_by)
      VALUES ($1, $2, $3, 'ACTIVE', $7, 'default', 'http', 'owner', $4, $5, 1, 1, $3, $6)`,
    values: [
      DEFAULT_TENANT,
      goalId,
      newId(),
      JSON.stringify(content),
      canonicalHash(content),
      requester,
      of.mode ?? 'paper',
    ],
  })
  const twin = effect === null || of.hasTwin !== true ? [] : [{ ...effect, slot: 'twin' }]
  const effects = effect === null ? [] : [effect, ...twin]
  for (const { slot, tool } of effects) {
    await database.query({
      text: 'INSERT INTO slots (tenant_id, goal_id, slot, tool) VALUES ($1, $2, $3, $4)',
      values: [DEFAULT_TENANT, goalId, slot, tool],
    })
  }
  await database.query({
    text: `INSERT INTO tasks (id, tenant_id, goal_id, version_id, type, kind, status, phase,
        attempt, audit_id, result_at)
      VALUES ($1, $2, $3, $4, 'CONTENT_GEN', 'tweet.post', 'REVIEW', 'judging', 1, $4, now())`,
    values: [taskId, DEFAULT_TENANT, goalId, newId()],
  })
  await database.query({
    text: `INSERT INTO task_payloads (task_id, payload, constraints) VALUES ($1, '{}', '{}')`,
    values: [taskId],
  })
  const result = {
    confidence,
    artifacts: [],
    evidence: [],
    proposed_effects: effects,
  }
  await database.query({
    text: `INSERT INTO task_results (task_id, attempt, worker, outcome)
      VALUES ($1, 1, 'worker-1', $2)`,
    values: [taskId, JSON.stringify({ outcome: 'result', result })],
  })
  return { goalId, taskId }
}

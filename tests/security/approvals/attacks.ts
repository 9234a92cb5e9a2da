/** Ways to get an effect without the word that it needs, and the look for one that got through. */
import { canonicalHash } from '@chimera/contracts/canonical'
import { GrantClaims } from '@chimera/contracts/grant'
import { DEFAULT_TENANT, newId } from '@chimera/contracts/ids'
import { raiseStop } from '@chimera/infra/database/fences/raise-stop'
import type { JudgeDeps } from '@chimera/judge/handle-rings'
import { decodeJwt } from 'jose'

import type { Random } from '../../guarantee.ts'
import {
  payment,
  tweet,
  type ApprovalRig,
  type Person,
  type RoundOf,
} from '../../integration/approvals/approval-rig.ts'

/** One goal under attack, and the words on it that count, as the test itself knows them. */
export type Target = {
  readonly goalId: string
  readonly taskId: string
  readonly id: string
  readonly isMoney: boolean
  readonly requester: Person
  /** Approval -> who said yes in time, entitled, and was not removed before the grant. */
  readonly words: Map<string, Set<string>>
}

export type Scene = { readonly rig: ApprovalRig; readonly deps: JudgeDeps; readonly random: Random }

export async function openTarget(
  { rig, deps, random }: Scene,
  { hasTwin = false }: { hasTwin?: boolean } = {},
): Promise<Target> {
  const isMoney = random.fraction() < 0.5
  const requester = await rig.person()
  const ids = await rig.propose({
    requester: requester.name,
    hasTwin,
    ...(isMoney ? { effect: payment(), confidence: 1 } : { effect: tweet(), confidence: 0.8 }),
  })
  await rig.look(ids.taskId, deps)
  const [approval] = await rig.approvalsOf(ids.goalId)
  if (approval === undefined) throw new Error('nobody was asked')
  return { ...ids, id: approval.id, isMoney, requester, words: new Map() }
}

type Attack = (scene: Scene, target: Target) => Promise<void>

/** Whatever a call is answered: what counts is what it did. */
const tried = async (work: Promise<unknown>): Promise<boolean> =>
  work.then(
    () => true,
    () => false,
  )

/** A person's yes, as the gateway commits it; the Judge has not looked yet. */
async function approve({ rig }: Scene, target: Target, by: Person, id = target.id) {
  const isIn = await tried(rig.commit(by, id, { decision: 'approve' }))
  if (isIn) target.words.set(id, new Set([...(target.words.get(id) ?? []), by.name]))
}

/** A yes that was written past the gateway, as a fault in it would. */
async function forge({ rig }: Scene, target: Target, by: Person, id = target.id): Promise<void> {
  const { database } = rig.judge
  await database.query({
    text: `INSERT INTO approval_words (approval_id, approver, token_id) VALUES ($1, $2, $3)
      ON CONFLICT DO NOTHING`,
    values: [id, by.name, by.principal.tokenId],
  })
  await database.query({
    text: `UPDATE approvals SET state = 'APPROVED', decided_at = now(), decided_by = $2
      WHERE id = $1 AND state = 'REQUESTED'`,
    values: [id, by.name],
  })
  await rig.wake(target.taskId)
}

const remove = ({ rig }: Scene, person: Person) =>
  rig.judge.database.query({
    text: 'UPDATE api_tokens SET revoked_at = now() WHERE id = $1',
    values: [person.principal.tokenId],
  })

/** Another attempt that proposes something else, once people have said yes to the first. */
async function swapArguments({ rig }: Scene, { taskId, isMoney }: Target): Promise<void> {
  const { database } = rig.judge
  const effect = isMoney ? payment('500') : tweet('hello world')
  const worse = isMoney
    ? { ...effect, args: { ...effect.args, to: '0xabc', amount: '500' } }
    : { ...effect, args: { ...effect.args, is_ai_labeled: false } }
  const provenance = Object.fromEntries(
    Object.keys(worse.args).map((name) => [
      `/${name}`,
      { source: 'goal', path: `/params/worse/${name}` },
    ]),
  )
  // The owner did say these words somewhere, so that provenance alone does not save us.
  await database.transaction(async (tx) => {
    await tx.query({
      text: `UPDATE goals SET content = jsonb_set(content, '{params,worse}', $2::jsonb)
        WHERE id = (SELECT goal_id FROM tasks WHERE id = $1)`,
      values: [taskId, JSON.stringify(worse.args)],
    })
    const result = {
      confidence: isMoney ? 1 : 0.8,
      artifacts: [],
      evidence: [],
      proposed_effects: [{ ...worse, provenance }],
    }
    await tx.query({
      text: `INSERT INTO task_results (task_id, attempt, worker, outcome) VALUES ($1, 2, 'w', $2)`,
      values: [taskId, JSON.stringify({ outcome: 'result', result })],
    })
    await tx.query({
      text: `UPDATE tasks SET attempt = 2, version_id = $2 WHERE id = $1`,
      values: [taskId, newId()],
    })
  })
}

/** By name; each leaves the task for the Judge to look at. */
export const ATTACKS: Readonly<Record<string, Attack>> = {
  async 'the approval of another slot'(scene, target) {
    const twin = await openTarget(scene, { hasTwin: true })
    const anna = await scene.rig.person()
    await approve(scene, twin, anna)
    await approve(scene, twin, anna)
    await sound(scene, twin)
    // And what was approved there says nothing of this one.
    await scene.rig.wake(target.taskId)
  },
  async 'expired before the decision'(scene, target) {
    const anna = await scene.rig.person()
    await scene.rig.letTimePass(target.id)
    await approve(scene, target, anna)
    await forge(scene, { ...target, words: new Map() }, anna)
  },
  async 'expired before the verdict'(scene, target) {
    const anna = await scene.rig.person()
    await approve(scene, { ...target, words: new Map() }, anna)
    await scene.rig.letTimePass(target.id)
  },
  async 'other arguments after the approval'(scene, target) {
    await approve(scene, target, await scene.rig.person())
    await swapArguments(scene, target)
  },
  async 'approved after somebody said no'(scene, target) {
    const [anna, ben] = [await scene.rig.person(), await scene.rig.person()]
    await tried(scene.rig.commit(ben, target.id, { decision: 'reject', reason: 'no' }))
    // Whatever comes of it, the first word was no.
    await approve(scene, { ...target, words: new Map() }, anna)
  },
  async 'approved by who asked'(scene, target) {
    await approve(scene, target, target.requester)
    await forge(scene, target, target.requester)
  },
  async 'approved by who edited'(scene, target) {
    const { rig } = scene
    const editor = await rig.person()
    const args = target.isMoney ? { to: '0xabc', amount: '6' } : { ...tweet().args, text: 'other' }
    if (!(await tried(rig.commit(editor, target.id, { decision: 'edit', args })))) return
    const next = (await rig.approvalsOf(target.goalId)).at(-1)?.id ?? ''
    // For what is no money the editor's word counts.
    if (!target.isMoney) target.words.set(next, new Set([editor.name]))
    await approve(scene, target, editor, next)
    await forge(scene, target, editor, next)
  },
  async 'approved by who was removed'(scene, target) {
    const anna = await scene.rig.person()
    if (scene.random.fraction() < 0.5) {
      await approve(scene, { ...target, words: new Map() }, anna)
      await remove(scene, anna)
    } else {
      await remove(scene, anna)
      await approve(scene, target, anna)
    }
    await forge(scene, target, anna)
  },
  async 'approved by who never could'(scene, target) {
    const guest = await scene.rig.person({ mayApprove: false })
    await approve(scene, target, guest)
    await forge(scene, target, guest)
  },
  async 'used twice'(scene, target) {
    await approve(scene, target, await scene.rig.person())
    await scene.rig.look(target.taskId, scene.deps)
    await scene.rig.judge.database.query({
      text: `UPDATE tasks SET phase = 'judging', version_id = $2 WHERE id = $1`,
      values: [target.taskId, newId()],
    })
  },
  async 'approve against reject against stop'(scene, target) {
    const { rig, random } = scene
    const [anna, ben] = [await rig.person(), await rig.person()]
    const stopped = () =>
      raiseStop(rig.judge.database, {
        scope: `goal:${target.goalId}`,
        actor: 'test',
        tenantId: DEFAULT_TENANT,
      })
    const said = random.shuffle([
      () => approve(scene, target, anna),
      () => tried(rig.commit(ben, target.id, { decision: 'reject', reason: 'no' })),
      stopped,
    ])
    await Promise.all(said.map((one) => one()))
    const state = (await rig.approvalsOf(target.goalId))[0]?.state
    if (state !== 'APPROVED') target.words.clear()
  },
}

/** Throws when a round is out that has no valid word of a person. */
export async function sound({ rig, deps }: Scene, target: Target): Promise<void> {
  await rig.look(target.taskId, deps)
  const out = (await rig.roundsOf(target.goalId)).filter(({ state }) =>
    ['GRANTED', 'CONFIRMED', 'UNKNOWN', 'NEEDS_HUMAN'].includes(state),
  )
  const slots = new Set(out.map(({ effect_key: key }) => key))
  if (slots.size < out.length) throw new Error('two rounds of one slot are out')
  for (const round of out) await expectWord(rig, target, round)
}

async function expectWord(rig: ApprovalRig, target: Target, round: RoundOf): Promise<void> {
  const claims = GrantClaims.parse(decodeJwt(round.grant_jws ?? ''))
  const hash = canonicalHash(round.args)
  if (hash !== claims.args_hash) throw new Error('the grant is for other arguments')
  for (const id of claims.approvals) {
    const approval = await readApproval(rig, id)
    if (approval?.effect_key !== round.effect_key) continue
    if (approval.args_hash !== hash) throw new Error('granted for other arguments than approved')
    if (claims.exp > approval.expires) throw new Error('the grant outlives its approval')
    const own = new Set([target.requester.name, approval.editor])
    const words = [...(target.words.get(id) ?? [])].filter(
      (name) => !target.isMoney || !own.has(name),
    )
    if (words.length > 0) return
  }
  throw new Error('granted without a valid word of a person')
}

async function readApproval(rig: ApprovalRig, id: string) {
  const [row] = await rig.judge.database.query<{
    effect_key: string
    args_hash: string
    editor: string | null
    expires: number
  }>({
    text: `SELECT effect_key, args_hash, editor, extract(epoch FROM expires_at)::float8 AS expires
      FROM approvals WHERE id = $1`,
    values: [id],
  })
  return row
}

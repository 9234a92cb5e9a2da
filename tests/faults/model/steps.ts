/** What Planner, Worker, Keeper and operator do, one step at a time, on the record's own slices. */
import { DEFAULT_TENANT, newId } from '@chimera/contracts/ids'
import { ResultRing } from '@chimera/contracts/judging/rings'
import type { FenceBody } from '@chimera/contracts/tool-control'
import { endAdoption } from '@chimera/infra/database/adoptions/end-adoption'
import { findAdoptionWords } from '@chimera/infra/database/adoptions/find-adoption-words'
import { findOpenAdoptions } from '@chimera/infra/database/adoptions/find-open-adoptions'
import { requestAdoption } from '@chimera/infra/database/adoptions/request-adoption'
import { appendAudit, draftAudit } from '@chimera/infra/database/append-audit'
import { raiseStop } from '@chimera/infra/database/fences/raise-stop'
import { resume as resumeFence } from '@chimera/infra/database/fences/resume'
import { cancelGoal } from '@chimera/infra/database/goals/cancel-goal'
import { readFences } from '@chimera/infra/database/judging/load-scene'
import { endSettlement } from '@chimera/infra/database/settlements/end-settlement'
import { findOpenSettlements } from '@chimera/infra/database/settlements/find-open-settlements'
import { requestSettlement } from '@chimera/infra/database/settlements/request-settlement'
import { findEndingGrants, findUnknownEffects } from '@chimera/infra/database/sweeps/find-questions'
import { commitReceipts } from '@chimera/infra/database/tasks/commit-receipts'
import { loadGrants } from '@chimera/infra/database/tasks/load-grants'
import { sqlOf, tenantsIn } from '@chimera/infra/database/tenant-database'
import { closeAccount } from '@chimera/infra/database/tools/close-account'
import { dropHello } from '@chimera/infra/database/tools/drop-hello'
import { findBoot } from '@chimera/infra/database/tools/find-boot'
import { openAccount } from '@chimera/infra/database/tools/open-account'
import { registerBoot } from '@chimera/infra/database/tools/register-boot'
import { decodeReceipt } from '@chimera/keeper/effects/decode-receipt'
import { endGrants } from '@chimera/keeper/effects/end-grants'
import { fileReceipts } from '@chimera/keeper/effects/file-receipts'
import { carryFences } from '@chimera/keeper/hello/carry-fences'
import { takeFences } from '@chimera/keeper/hello/take-fences'
import type { z } from 'zod'

import { effectsOf, plannedGoal, tweetEffect, type EffectRow } from '../../integration/judge-rig.ts'
import { expectSound } from './invariants.ts'
import type { ProtocolRig } from './protocol-rig.ts'
import type { Answer } from './tool-life.ts'
import type { SentPost } from './wire.ts'

/** A goal with one slot, and a task for each wording of it. */
export type Slot = { readonly goal: string; readonly tasks: Readonly<Record<'a' | 'b', string>> }

/** A grant as a Worker has it in its hand: it can be carried late, twice, or not at all. */
export type Grant = Readonly<{ grantId: string; effectId: string; grant: string; args: unknown }>

/** A request that has left the tool server. */
export type Sent = { readonly post: SentPost; readonly answer: () => Promise<Answer> }

const SLOT = 'publish'

/** What the words `a` and `b` of the goal's sentence are. */
const SPANS = { a: [17, 28], b: [17, 22] } as const

const EVERYTHING = 'everything'
const PAGE = 100

/** The goal is planned, and its Workers have proposed the slot in both wordings. */
export async function planSlot(
  rig: ProtocolRig,
  { confidence = 1 }: { confidence?: number } = {},
): Promise<Slot> {
  const goal = `goal-${newId()}`
  const propose = (word: 'a' | 'b') => ({
    confidence,
    effects: [tweetEffect(SLOT, [SPANS[word][0], SPANS[word][1]])],
  })
  const { database } = rig.record
  const tasks = [propose('a'), propose('b')]
  const [a = '', b = ''] = await plannedGoal(database, { id: goal, slots: [SLOT], tasks })
  return { goal, tasks: { a, b } }
}

/** `propose`, `judge grants`: or whatever else the Judge makes of it. Its time has come. */
export async function judgeTask(rig: ProtocolRig, slot: Slot, word: 'a' | 'b' = 'a') {
  const id = slot.tasks[word]
  const { database } = rig.record
  await database.query({ text: 'UPDATE tasks SET run_at = NULL WHERE id = $1', values: [id] })
  await rig.judge({ look_at: 'task', id })
}

export const roundsOf = (rig: ProtocolRig, slot: Slot): Promise<EffectRow[]> =>
  effectsOf(rig.record.database, slot.goal)

/** States of the slot's rounds, the oldest first. */
export const statesOf = async (rig: ProtocolRig, slot: Slot): Promise<string[]> =>
  (await roundsOf(rig, slot)).map(({ state }) => state)

/** A Worker reads the grant of the slot's newest round from its row. */
export async function takeGrant(rig: ProtocolRig, slot: Slot): Promise<Grant> {
  const newest = (await roundsOf(rig, slot)).findLast(({ state }) => state === 'GRANTED')
  const grantIds = newest === undefined ? [] : [newest.grant_id]
  const [grant] = await loadGrants(rig.record.database, { grantIds })
  if (grant === undefined) throw new Error('Nothing is granted.')
  return grant
}

/** `propose; judge grants g` */
export async function grantSlot(rig: ProtocolRig, slot: Slot, word: 'a' | 'b' = 'a') {
  await judgeTask(rig, slot, word)
  return takeGrant(rig, slot)
}

/** `tool gets g`; the answer is in the Worker's hand. */
export const deliver = (rig: ProtocolRig, grant: Grant): Promise<Answer> => rig.tool.call(grant)

/** `tool gets g: claimed; tool SENDS g`: its request is on the wire. */
export async function claimAndSend(rig: ProtocolRig, grant: Grant): Promise<Sent> {
  const before = rig.wire.sent.length
  const claimed = await rig.tool.claim(grant)
  claimed.send()
  await rig.wire.hasSent(before + 1)
  const post = rig.wire.sent[before]
  if (post === undefined) throw new Error('Nothing is on the wire.')
  return { answer: () => claimed.answer, post }
}

/** `tool SENDS g; timeout g`: the request is on the wire, and the server hears no more of it. */
export async function sendAndTimeOut(rig: ProtocolRig, grant: Grant) {
  const { post, answer } = await claimAndSend(rig, grant)
  post.cut()
  return { post, answer: await answer() }
}

/** To its good end: the next round is granted, carried, accepted and recorded. */
export async function finish(rig: ProtocolRig, slot: Slot): Promise<void> {
  const { post, answer } = await claimAndSend(rig, await grantSlot(rig, slot))
  await post.arrive()
  await record(rig, await answer())
  await expectSound(rig)
  const states = await statesOf(rig, slot)
  if (states.at(-1) !== 'CONFIRMED') throw new Error(`It ended as ${states.join(', ')}.`)
}

/** `judge records g`: the Worker files the receipt, the Judge looks at it. */
export async function record(rig: ProtocolRig, { receipt: jws }: Answer): Promise<void> {
  if (jws === undefined) return
  const grantId = decodeReceipt(jws)?.grant_id ?? newId()
  const { database } = rig.record
  const receipts = [{ grantId, jws }]
  const [id = ''] = await commitReceipts(database, { receipts, carriedBy: 'worker-1' })
  await rig.judge({ look_at: 'receipt', id })
}

/** What a step of the Keeper rings for. */
function keeperOf(rig: ProtocolRig) {
  const rung: Parameters<ProtocolRig['judge']> = []
  const deps = {
    database: rig.record.swarm,
    publisher: {
      publish: (batch: readonly { stream: string; payload: unknown }[]) => {
        for (const { stream, payload } of batch) {
          if (stream === 'chimera:results') rung.push(ringOf(payload))
        }
        return Promise.resolve()
      },
    },
    log: rig.log,
    actor: 'keeper-1',
    crash: Object.assign(() => {}, { isArmed: false }),
  }
  return { deps, ring: () => rig.judge(...rung.splice(0)) }
}

const ringOf = (payload: unknown): ResultRing => ResultRing.parse(payload)

/** `keeper asks void`, for all that is to end; answers the states that the ledger said. */
export async function askVoids(rig: ProtocolRig, of: { record: boolean } = { record: true }) {
  const { deps, ring } = keeperOf(rig)
  await endGrants(deps, AbortSignal.timeout(10_000))
  for (const { effectId: id } of await findEndingGrants(deps.database, { limit: PAGE })) {
    await rig.judge({ look_at: 'effect', id })
  }
  const answers: string[] = []
  for (const grant of await findEndingGrants(deps.database, { limit: PAGE })) {
    const { voidJws, grantId, effectKey } = grant
    if (voidJws === null) continue
    const reply = await rig.tool.control.voidGrant(voidJws).catch(codeOf)
    if (typeof reply === 'string') {
      answers.push(reply)
      continue
    }
    const askedFor = new Set([grantId, effectKey])
    answers.push(...reply.receipts.map((jws) => decodeReceipt(jws)?.state ?? 'nonsense'))
    if (of.record) await fileReceipts(deps, { ...reply, askedFor, noNews: [] })
  }
  await ring()
  return answers
}

const codeOf = (error: unknown): string =>
  error instanceof Error && 'code' in error ? String(error.code) : String(error)

/** `reconcile`, and the Judge records what came of it. */
export async function reconcile(rig: ProtocolRig): Promise<void> {
  const { deps, ring } = keeperOf(rig)
  for (const { grantIds } of await findUnknownEffects(deps.database, { limit: PAGE })) {
    const { receipts } = await rig.tool.control.reconcile(grantIds)
    const askedFor = new Set(grantIds)
    await fileReceipts(deps, { receipts, askedFor, noNews: ['UNKNOWN'] })
  }
  await ring()
}

/** The boot is seen, its hello is signed and carried, and the record hears what came of it. */
export async function greet(
  rig: ProtocolRig,
  carry: typeof carryFences = carryFences,
): Promise<string> {
  const { deps } = keeperOf(rig)
  const { control } = rig.tool
  const status = control.status()
  const { boot } = status.ledger
  const all = await readFences(deps.database)
  const fences = Object.fromEntries([...all].filter(([, { epoch }]) => epoch > 0))
  await takeFences(deps, { status, fences })
  const fence = (to: Parameters<typeof control.fence>[0]) => Promise.resolve(control.fence(to))
  await carry(deps, { control: { fence: (to) => fence(withEpoch(to)) }, status, fences })
  await registerBoot(deps.database, { status, actor: deps.actor })
  const heard = (await findBoot(deps.database, boot))?.hello
  // A server that is closed after its hello wants one of now.
  if (heard) await dropHello(deps.database, { boot, hello: heard })
  await rig.judge({ look_at: 'boot', id: boot })
  const { hello } = (await findBoot(deps.database, boot)) ?? { hello: null }
  if (hello === null) throw new Error('The Judge signed no hello.')
  const answer = await control.hello(hello)
  if (answer.state === 'closed') {
    const reason = answer.reason ?? 'CLOSED'
    await closeAccount(deps.database, { account: answer.account, reason })
    return reason
  }
  await openAccount(deps.database, { status: answer, actor: deps.actor })
  return answer.state
}

const withEpoch = ({ epoch = 0, ...to }: z.infer<typeof FenceBody>) => ({ ...to, epoch })

/** `@stop: no grants, fence up; @stop ACKNOWLEDGED` */
export const stop = async (rig: ProtocolRig) => {
  const { epoch } = await raiseStop(rig.record.database, { scope: EVERYTHING, actor: 'owner' })
  return rig.tool.control.fence({ scope: EVERYTHING, epoch, stopped: true })
}

/** `@unfreeze` */
export const resume = async (rig: ProtocolRig) => {
  const { epoch } = await resumeFence(rig.record.database, { scope: EVERYTHING, actor: 'owner' })
  return rig.tool.control.fence({ scope: EVERYTHING, epoch, stopped: false })
}

/** `@cancel goal` */
export async function cancel(rig: ProtocolRig, { goal: goalId }: Slot): Promise<void> {
  const tenantId = DEFAULT_TENANT
  await rig.record.database.transaction(async (tx) => {
    const audit = draftAudit()
    await cancelGoal(tx, { tenantId, goalId }, audit)
    await appendAudit(tx, audit, 'owner')
  })
  await rig.judge({ look_at: 'goal', tenant: tenantId, id: goalId })
}

/**
 * `chimera tools adopt`: the record's knowledge is written into a ledger that is behind. Answers
 * how many open effects it said to have taken after each word.
 */
export async function adopt(rig: ProtocolRig): Promise<number[]> {
  const counts: number[] = []
  const { database, swarm } = rig.record
  const { account } = rig.tool.control.status()
  await requestAdoption(database, { account, actor: 'owner', tenantId: DEFAULT_TENANT })
  for (const { id } of await findOpenAdoptions(swarm, { limit: PAGE })) {
    await rig.judge({ look_at: 'adoption', id })
  }
  for (const { id, boot } of await findOpenAdoptions(swarm, { limit: PAGE })) {
    const words = await findAdoptionWords(swarm, { id, boot })
    if (words.length === 0) throw new Error('The Judge signed no adoption.')
    for (const jws of words) {
      const { reason } = await rig.tool.control.adopt(jws)
      counts.push(Number(/(\d+) adopted effects/.exec(reason ?? '')?.[1] ?? 0))
    }
    await endAdoption(swarm, { id, refused: null })
  }
  return counts
}

/** `person settles g CONFIRMED`: `chimera effect settle <id> --happened <ref>` */
export async function settle(rig: ProtocolRig, reference: string, ref: string): Promise<void> {
  const { deps, ring } = keeperOf(rig)
  await requestSettlement(rig.record.database, {
    tenantId: DEFAULT_TENANT,
    reference,
    outcome: 'happened',
    providerRef: ref,
    reason: 'I looked',
    actor: 'owner',
  })
  for (const { id } of await findOpenSettlements(deps.database, { limit: PAGE })) {
    await rig.judge({ look_at: 'settlement', id })
  }
  for (const settlement of await findOpenSettlements(deps.database, { limit: PAGE })) {
    const { id, jws, grantId } = settlement
    if (jws === null) throw new Error('The Judge signed no settlement.')
    const { receipts } = await rig.tool.control.settle(jws)
    await fileReceipts(deps, { receipts, askedFor: new Set([grantId]), noNews: [] })
    const own = sqlOf(deps.database, tenantsIn([settlement]))
    await endSettlement(own, { id, refused: null })
  }
  await ring()
}

import { canonicalHash } from '@chimera/contracts/canonical'
import type { CrashPoint } from '@chimera/contracts/crash-points'
import { ChimeraError, InvariantError } from '@chimera/contracts/errors'
import type { FenceReply, ReceiptsReply, ToolStatus } from '@chimera/contracts/tool-control'

import { startArchiving } from './ledger/archiving.ts'
import { openLedgerCopies, type LedgerCopy } from './ledger/copy-ledger.ts'
import type { Entry } from './ledger/entry.ts'
import { EVERYTHING } from './ledger/fences.ts'
import type { Ledger } from './ledger/ledger.ts'
import { createCarrier, type Carrier } from './protocol/carrier.ts'
import { createClientCall, type ClientCall } from './protocol/client-call.ts'
import { createEffectCall, type EffectCall, type EffectReply } from './protocol/effect-call.ts'
import type { Backend } from './protocol/effect-tool.ts'
import { createGate, openGate, type Gate } from './protocol/gate.ts'
import type { GrantKeys } from './protocol/grant-keys.ts'
import type { Account } from './protocol/granted-call.ts'
import type { SignReceipt } from './protocol/receipts.ts'
import { createReconciliation, type Reconciler } from './protocol/reconcile.ts'
import { RULES, type Rules } from './protocol/rules.ts'
import type { CallContext } from './serving/call-context.ts'
import type { ServedEffectTool, ServedTool } from './serving/define-tool.ts'
import type { CallTool } from './serving/mcp-factory.ts'
import { effectResult, errorResult, readResult } from './serving/tool-result.ts'
import { createAdopt, type AdoptRecord } from './words/adopt.ts'
import { createKillControl, type KillControl } from './words/kill-control.ts'
import { createSettle, type SettleEffect } from './words/settle-by-person.ts'
import { createVoid, type VoidGrant } from './words/void.ts'

/** What the kit needs of a log; a pino logger is one. */
export type ToolLog = Readonly<
  Record<'debug' | 'info' | 'warn' | 'error', (facts: object, message: string) => void>
>

/** One outside account behind its protocol, whatever it is served over. */
export type ToolServer = AsyncDisposable &
  Readonly<{
    name: string
    tools: readonly ServedTool[]
    call: CallTool
    control: ToolControl
  }>

/** What the record and the operator ask of a server beside calls; see contracts/tool-control.ts. */
export type ToolControl = Readonly<{
  status: () => ToolStatus
  hello: (jws: string) => Promise<ToolStatus>
  voidGrant: (jws: string) => Promise<ReceiptsReply>
  settle: (jws: string) => Promise<ReceiptsReply>
  adopt: (jws: string) => Promise<ToolStatus>
  reconcile: (grantIds: readonly string[] | undefined) => Promise<ReceiptsReply>
  fence: (to: { scope: string; epoch: number; stopped: boolean }) => FenceReply
  entries: () => Iterable<Entry>
  kill: KillControl
  /** Works while closed or fenced. */
  backup: () => LedgerCopy
}>

export type ToolServerParts = Readonly<{
  name: string
  account: string
  backend: Backend
  tools: readonly ServedTool[]
  ledger: Ledger
  /** Undefined when outside clients act without grants (`GRANTS=off`). */
  keys: GrantKeys | undefined
  sign: SignReceipt
  reconciler: Reconciler
  log: ToolLog
  crash: (label: CrashPoint) => void
  /** Ends the process; a fresh one makes the claim in hand UNKNOWN and asks the provider. */
  fail: (cause: unknown) => never
  rules?: Rules
  /** One call is over, with a state of the ledger, a code, or OK. */
  count?: (call: Readonly<{ tool: string; outcome: string }>) => void
}>

/** Composes the protocol around a ledger. Opens nothing; the ledger stays the caller's to close. */
export function createToolServer(parts: ToolServerParts): ToolServer {
  const { name, backend, tools, ledger, log, crash, rules = RULES } = parts
  const keys = parts.keys ?? NO_KEYS
  const alarm = (facts: Record<string, unknown>, message: string): void =>
    log.error({ ...facts, alarm: true }, message)
  const gate = parts.keys
    ? createGate({ ledger, account: parts.account, keys, rules, alarm })
    : openGate(ledger)
  const account: Account = { name: parts.account, backend, ledger, keys, gate }
  const { reconciler } = parts
  const refusal = gate.lookRefusal
  const reconciliation = createReconciliation({ ledger, reconciler, refusal, log })
  const { follow } = reconciliation
  const carrier = createCarrier({ ledger, rules, crash, follow, fail: parts.fail })
  const catchUp = rules.openCatchUp()
  const calling = { account, rules, inTurn: rules.openTurns({ ledger, catchUp }), carrier, crash }
  const callEffect = chooseCall({
    callWithGrant: createEffectCall({ ...calling, sign: parts.sign, alarm }),
    callAsClient: createClientCall(calling),
    isGrantRequired: parts.keys !== undefined,
  })
  const inHand = new Set<Promise<unknown>>()
  const answer = createAnswer(parts, { callEffect, wake: reconciliation.wake })
  if (gate.state().isOpen) reconciliation.wake()
  const archiving = startArchiving({ ledger, mayWrite: () => gate.state().isOpen, log })
  const effectTools = tools.flatMap((tool) => (tool.kind === 'effect' ? [tool.effect] : []))
  const words = {
    voidGrant: createVoid({ account, rules, lookByHandle: reconciler.lookByHandle, alarm }),
    settle: createSettle({ account, absence: reconciler.absence, rules }),
    adopt: createAdopt({ account, tools: effectTools, alarm }),
  }
  return {
    name,
    tools,
    call: async (tool, args, context) => {
      catchUp.notice()
      const answered = answer(tool, args, context)
      inHand.add(answered)
      return answered.finally(() => inHand.delete(answered))
    },
    control: createControl({ parts, gate, carrier, reconciliation, words }),
    [Symbol.asyncDispose]: async () => {
      reconciliation.endFollowing()
      // The caller may be gone, the outcome has to be written all the same.
      await Promise.allSettled(inHand)
      archiving[Symbol.dispose]()
      await reconciliation[Symbol.asyncDispose]()
    },
  }
}

/** Does one call and says what came of it; never rejects. */
function createAnswer(
  parts: Pick<ToolServerParts, 'log' | 'fail' | 'count'>,
  of: { callEffect: ReturnType<typeof chooseCall>; wake: () => void },
): CallTool {
  const { log } = parts
  const count = (tool: ServedTool, outcome: string): void =>
    parts.count?.({ tool: tool.definition.name, outcome })
  return async (tool, args, context) => {
    try {
      if (tool.kind === 'read') {
        const fields = await tool.read(args, context)
        count(tool, 'OK')
        return readResult(fields, tool)
      }
      const reply = await of.callEffect(tool, args, context)
      count(tool, reply.kind === 'settled' ? reply.entry.state : reply.refusal.code)
      if (reply.kind === 'settled') {
        // What went as granted is in the ledger and the record; a busy server does not repeat it.
        const level = reply.entry.state === 'CONFIRMED' ? 'debug' : 'info'
        log[level](factsOf(reply.entry), 'effect')
        if (reply.entry.state === 'UNKNOWN') of.wake()
      }
      return effectResult(reply, tool)
    } catch (error) {
      if (error instanceof InvariantError) return parts.fail(error)
      count(tool, error instanceof ChimeraError ? error.code : 'TOOL_FAILED')
      if (!(error instanceof ChimeraError)) {
        log.error({ err: error, tool: tool.definition.name }, 'a call failed')
      }
      return errorResult(error, tool)
    }
  }
}

function factsOf(entry: Entry): object {
  const { grantId, effectKey, round, state, code, scope } = entry
  const { goal, task } = scope
  return { grant_id: grantId, effect_key: effectKey, round, state, code, goal, task }
}

/** With a grant, or as an outside client where the server lets those act. */
function chooseCall(given: {
  callWithGrant: EffectCall
  callAsClient: ClientCall
  isGrantRequired: boolean
}) {
  return async (
    tool: ServedEffectTool,
    args: unknown,
    context: CallContext,
  ): Promise<EffectReply> => {
    const { grant, principal, idempotencyKey } = context
    if (grant !== undefined) return given.callWithGrant({ grant, tool: tool.effect, args })
    if (given.isGrantRequired) {
      const detail = `${tool.effect.name} acts only on a grant by the Judge.`
      return { kind: 'refused', refusal: { code: 'GRANT_REQUIRED', detail } }
    }
    const intent = tool.intentOf?.(args)
    return given.callAsClient({
      tool: tool.effect,
      args,
      principal,
      ...(idempotencyKey === undefined ? {} : { idempotencyKey }),
      ...(intent === undefined ? {} : { intent }),
    })
  }
}

function createControl(given: {
  parts: ToolServerParts
  gate: Gate
  carrier: Carrier
  reconciliation: ReturnType<typeof createReconciliation>
  words: Readonly<{ voidGrant: VoidGrant; settle: SettleEffect; adopt: AdoptRecord }>
}): ToolControl {
  const { parts, gate, carrier, reconciliation, words } = given
  const { ledger, sign } = parts
  const status = (): ToolStatus => statusOf(parts, gate)
  return {
    status,
    hello: async (jws) => {
      const { boot } = ledger
      const state = await gate.admitHello(jws)
      if (state.isOpen) parts.log.info({ boot, seq: ledger.seq() }, 'open: the hello is in')
      else parts.log.warn({ boot, code: state.code, reason: state.reason }, 'stays closed')
      reconciliation.wake()
      return status()
    },
    voidGrant: async (jws) => {
      const entry = await words.voidGrant(jws)
      return { receipts: [await sign(entry)] }
    },
    settle: async (jws) => {
      const entry = await words.settle(jws)
      parts.log.warn({ ...factsOf(entry), detail: entry.detail }, 'a person settled an effect')
      return { receipts: [await sign(entry)] }
    },
    adopt: async (jws) => {
      await words.adopt(jws)
      parts.log.warn({ seq: ledger.seq(), ...gate.state() }, 'an adoption came in')
      reconciliation.wake()
      return status()
    },
    reconcile: async (grantIds) => {
      const closed = gate.lookRefusal()
      if (closed !== undefined) throw closed
      const asked = grantIds ?? ledger.entries.inState('UNKNOWN').map((entry) => entry.grantId)
      const { nextInMs } = await reconciliation.run()
      const settled = asked
        .map((grantId) => ledger.entries.byGrant(grantId))
        .filter((entry) => entry !== undefined)
        .filter((entry) => entry.state !== 'CLAIMED')
      const receipts = await Promise.all(settled.map((entry) => sign(entry)))
      return { receipts, ...(nextInMs === undefined ? {} : { next_in_ms: Math.ceil(nextInMs) }) }
    },
    fence: ({ scope, epoch, stopped }) => {
      const fence = ledger.transact(() => {
        const isNews = epoch > (ledger.fences.get(scope)?.epoch ?? 0)
        if (scope === EVERYTHING && !stopped && isNews) gate.vouchForRecord()
        return ledger.fences.raise(scope, { epoch, isStopped: stopped })
      })
      parts.log.warn({ scope, epoch: fence.epoch, stopped: fence.isStopped }, 'fence')
      return { epoch: fence.epoch, in_flight: carrier.inFlight(scope) }
    },
    entries: () => ledger.entries.all(),
    kill: createKillControl({ ledger, log: parts.log, inFlight: carrier.inFlight }),
    backup: openLedgerCopies(ledger),
  }
}

function statusOf(parts: ToolServerParts, gate: Gate): ToolStatus {
  const { ledger, backend, tools } = parts
  const state = gate.state()
  const isFenced = ledger.fences.get(EVERYTHING)?.isStopped === true
  return {
    name: parts.name,
    account: parts.account,
    backend: backend.label,
    live: backend.isLive,
    grants: parts.keys === undefined ? 'off' : 'required',
    ...(state.isOpen
      ? { state: isFenced ? 'fenced' : 'open' }
      : { state: 'closed', reason: `${state.code}: ${state.reason}` }),
    ledger: { id: ledger.id, boot: ledger.boot, seq: ledger.seq(), path: ledger.path },
    ...(state.isOpen && state.incarnation !== '' ? { incarnation: state.incarnation } : {}),
    fences: ledger.fences.epochs(),
    kill: ledger.kill.epochs(),
    definitions: Object.fromEntries(
      tools.map(({ definition }) => [definition.name, canonicalHash(definition)]),
    ),
  }
}

const NO_KEYS: GrantKeys = { find: () => undefined, holds: () => false }

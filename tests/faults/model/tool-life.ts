/** One life of a tool server in this process: the product's parts, until it is killed. */
import type { DatabaseSync } from 'node:sqlite'

import type { CrashPoint } from '@chimera/contracts/crash-points'
import { META_RECEIPT } from '@chimera/contracts/grant'
import { openLedger, type Ledger } from '@chimera/mcp-kit/ledger/ledger'
import type { Clock } from '@chimera/mcp-kit/ledger/steady-clock'
import { openGrantKeys } from '@chimera/mcp-kit/protocol/grant-keys'
import { openReceipts } from '@chimera/mcp-kit/protocol/receipts'
import type { Reconciler } from '@chimera/mcp-kit/protocol/reconcile'
import { RULES, type Rules } from '@chimera/mcp-kit/protocol/rules'
import type { SendOnce } from '@chimera/mcp-kit/provider/send-once'
import { createToolServer, type ToolControl, type ToolServer } from '@chimera/mcp-kit/tool-server'
import { openMediaStore } from '@chimera/mcp-tweet/media-store'
import { simulatedNetwork } from '@chimera/mcp-tweet/network/simulated-network'
import { tweetReconciler } from '@chimera/mcp-tweet/tweet-reconciler'
import { tweetTools } from '@chimera/mcp-tweet/tweet-tools'
import { z } from 'zod'

import { ACCOUNT } from '../../integration/judge-rig.ts'

/** What a test takes out of a tool server, by composing it without. */
export type ToolGuards = {
  /** The ledger is the one that the rules are asked in. */
  rules?: (given: Rules, ledger: Ledger) => Rules
  reconciler?: (given: Reconciler) => Reconciler
  openDatabase?: (path: string) => DatabaseSync
}

export type Answer = { readonly status: string; readonly code: string | undefined } & {
  readonly receipt: string | undefined
}

/** A call that was claimed, and stands before its socket. */
export type Claimed = {
  /** Lets it go on: it writes to the socket, unless it finds that it may not. */
  send(): void
  readonly answer: Promise<Answer>
}

export type ToolLife = {
  readonly control: ToolControl
  readonly ledger: Ledger
  readonly alarms: readonly string[]
  call(of: { args: unknown; grant: string }): Promise<Answer>
  /** `tool gets g: claimed`, and no further. */
  claim(of: { args: unknown; grant: string }): Promise<Claimed>
  /** SIGKILL: what it had in hand is lost, what it wrote stays. */
  kill(): Promise<void>
}

export type ToolParts = {
  readonly path: string
  readonly clock: Clock
  readonly xUrl: string
  readonly grantKeys: string
  readonly receiptKey: string
  readonly guards: ToolGuards
  /** At the crash points the world may change. */
  readonly onPoint: (label: CrashPoint) => void
}

/** Longer than any test; what times out is cut by the test. */
const SEND_TIMEOUT_MS = 10_000

export function openToolLife(parts: ToolParts): ToolLife {
  const { path, clock, guards, grantKeys } = parts
  const { openDatabase } = guards
  const ledger = openLedger({
    path,
    account: ACCOUNT,
    clock,
    ...(openDatabase === undefined ? {} : { openDatabase }),
  })
  const network = simulatedNetwork({ baseUrl: parts.xUrl, token: 'tester', now: clock.wall })
  const cooldownMs = 0
  const media = openMediaStore(undefined)
  const tools = tweetTools({ network, ledger, media, cooldownMs, sendTimeoutMs: SEND_TIMEOUT_MS })
  const alarms: string[] = []
  const rules = guards.rules?.(RULES, ledger) ?? RULES
  const held = holdSends(rules.send)
  const reconciler = tweetReconciler(network)
  const server = createToolServer({
    name: 'tweet',
    account: ACCOUNT,
    backend: { label: network.label, isLive: network.isLive },
    tools,
    ledger,
    keys: openGrantKeys({ file: grantKeys, onFault: () => {} }),
    sign: openReceipts({
      key: parts.receiptKey,
      account: ACCOUNT,
      ledger,
    }),
    reconciler: guards.reconciler?.(reconciler) ?? reconciler,
    log: {
      debug: () => {},
      info: () => {},
      warn: () => {},
      error: (_facts, message) => void alarms.push(message),
    },
    crash: parts.onPoint,
    fail: (cause) => {
      throw new Error('the process would have ended', { cause })
    },
    rules: { ...rules, send: held.send },
  })
  const call: ToolLife['call'] = (of) => callPost(server, of)
  return {
    control: server.control,
    ledger,
    alarms,
    call,
    claim: async (of) => {
      const claimed = held.next()
      const answer = call(of)
      const early = answer.then(({ status, code }) => {
        throw new Error(`It was not claimed: ${status} ${code ?? ''}`)
      })
      return { send: await Promise.race([claimed, early]), answer }
    },
    kill: async () => {
      held.kill()
      await server[Symbol.asyncDispose]()
      ledger[Symbol.dispose]()
    },
  }
}

/** Between the claim and the socket a test may stop a call; a killed server goes no further. */
function holdSends(send: SendOnce) {
  const wanted: ((release: () => void) => void)[] = []
  const dead = Promise.withResolvers<never>()
  dead.promise.catch(() => {})
  return {
    /** Holds the next send; answers what releases it. */
    next: (): Promise<() => void> => {
      const { promise, resolve } = Promise.withResolvers<() => void>()
      wanted.push(resolve)
      return promise
    },
    kill: () => dead.reject(new Error('killed')),
    send: (async (options) => {
      const { promise, resolve } = Promise.withResolvers<void>()
      const tell = wanted.shift()
      if (tell === undefined) resolve()
      else tell(resolve)
      await Promise.race([promise, dead.promise])
      return Promise.race([send(options), dead.promise])
    }) satisfies SendOnce,
  }
}

async function callPost(server: ToolServer, of: { args: unknown; grant: string }): Promise<Answer> {
  const tool = server.tools.find(({ definition }) => definition.name === 'post_tweet')
  if (tool === undefined) throw new Error('The server has no tool to post with.')
  const context = { principal: 'worker', grant: of.grant, idempotencyKey: undefined }
  const { structuredContent, _meta: meta } = Result.parse(await server.call(tool, of.args, context))
  return { ...structuredContent, receipt: meta?.[META_RECEIPT] }
}

const Result = z.object({
  structuredContent: z
    .object({ status: z.string(), code: z.string().optional() })
    .transform(({ status, code }) => ({ status, code })),
  _meta: z.record(z.string(), z.string()).optional(),
})

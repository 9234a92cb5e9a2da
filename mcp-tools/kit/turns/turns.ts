import { InvariantError, RetryableError } from '@chimera/contracts/errors'

import type { Ledger } from '../ledger/ledger.ts'
import type { CatchUp } from './catch-up.ts'
import { inTime, type Made } from './prepare.ts'

/** What came of a call so far. */
export type Decided<Decision> =
  | Readonly<{ decision: Decision; make?: undefined }>
  /** Nothing speaks against it, and its bytes are needed. */
  | Readonly<{
      make: () => Made | Promise<Made>
      /** How to go on where nothing was awaited for them. */
      atOnce: (made: Made) => Decided<Decision>
    }>

/**
 * Decides one call within a commit: first without bytes, then with what was made. With them it has
 * to come to a decision.
 */
export type Decide<Decision> = (made: Made | undefined) => Decided<Decision>

/**
 * Decides the calls of an account one after the other: between the bytes of one and its claim there
 * is no other, so that no two get the same nonce. Whatever waits is decided in one commit, as long
 * as no tool has to await its bytes; each call stands or falls by itself. Throws RATE_LIMITED for
 * more callers than may wait.
 */
export type InTurn = <Decision>(decide: Decide<Decision>) => Promise<Decision>

/** More than this many callers in line are turned away. */
const MAX_WAITING = 1_000
/** Calls of one commit; the loop stands still meanwhile. */
const MAX_TOGETHER = 64

/** A call in line. */
type Waiting = Readonly<{
  /** Within a commit; answers what has to be awaited before `second`. */
  first: () => Promise<Made> | undefined
  second: (made: Made) => void
  /** The commit is durable. */
  done: () => void
  fail: (cause: unknown) => void
}>

export function openTurns(of: { ledger: Ledger; catchUp: CatchUp }): InTurn {
  const { ledger, catchUp } = of
  const line: Waiting[] = []
  let isServing = false

  /** One commit: everybody in line, up to the first whose bytes have to be awaited. */
  const serveSome = async (): Promise<void> => {
    await catchUp.caughtUp()
    const decided: { one: Waiting; fault: { cause: unknown } | undefined }[] = []
    let awaited: { one: Waiting; bytes: Promise<Made> } | undefined
    try {
      await ledger.share(() => {
        while (awaited === undefined && decided.length < MAX_TOGETHER) {
          const one = line.shift()
          if (one === undefined) return
          const outcome = ledger.apart(one.first)
          if (!outcome.isDone) decided.push({ one, fault: outcome })
          else if (outcome.result === undefined) decided.push({ one, fault: undefined })
          else awaited = { one, bytes: outcome.result }
        }
      })
    } catch (cause) {
      for (const { one } of decided) one.fail(cause)
      awaited?.bytes.catch(() => undefined)
      awaited?.one.fail(cause)
      return
    }
    for (const { one, fault } of decided) {
      if (fault === undefined) one.done()
      else one.fail(fault.cause)
    }
    if (awaited !== undefined) await finish(awaited)
  }
  const finish = async ({ one, bytes }: { one: Waiting; bytes: Promise<Made> }): Promise<void> => {
    try {
      const made = await inTime(bytes)
      await catchUp.caughtUp()
      await ledger.share(() => one.second(made))
      one.done()
    } catch (cause) {
      one.fail(cause)
    }
  }
  const serve = async (): Promise<void> => {
    if (isServing) return
    isServing = true
    while (line.length > 0) await serveSome()
    isServing = false
  }
  return async (decide) => {
    if (line.length >= MAX_WAITING) {
      throw new RetryableError('RATE_LIMITED', `${MAX_WAITING} calls of this account are in line.`)
    }
    return new Promise((resolve, reject) => {
      line.push(waitingFor(decide, { resolve, reject }))
      void serve()
    })
  }
}

function waitingFor<Decision>(
  decide: Decide<Decision>,
  caller: { resolve: (decision: Decision) => void; reject: (cause: unknown) => void },
): Waiting {
  let last: Decided<Decision> | undefined
  return {
    first: () => {
      last = decide(undefined)
      if (last.make === undefined) return undefined
      const made = last.make()
      if (made instanceof Promise) return made
      last = last.atOnce(made)
      return undefined
    },
    second: (made) => {
      last = decide(made)
    },
    done: () => {
      if (last?.make === undefined && last !== undefined) caller.resolve(last.decision)
      else caller.reject(new InvariantError('A call with bytes was not decided.'))
    },
    fail: caller.reject,
  }
}

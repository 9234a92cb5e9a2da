import { ChimeraError } from '@chimera/contracts/errors'
import type { OpinionAnswer } from '@chimera/contracts/judging/opinion'
import type { ResultRing } from '@chimera/contracts/judging/rings'
import type { Database } from '@chimera/infra/database/open-database'
import { type OpinionKey, writeOpinion } from '@chimera/infra/database/opinions/keep-opinions'
import { openTenantDatabase } from '@chimera/infra/database/tenant-database'
import type { Model } from '@chimera/infra/llm/model'
import { feedEvents } from '@chimera/infra/streams/feed-events'
import type { Publisher } from '@chimera/infra/streams/publisher'
import type { Logger } from '@chimera/runtime/log'

import { askOpinion, type OpinionQuestion, withoutControls } from './ask-opinion.ts'

/** A question that the record knows of, and its number for the attempt. */
export type OpinionAsk = OpinionKey & Readonly<{ asked: number; question: OpinionQuestion }>

/** Asks beside the batches: nobody waits for it but the tasks that it is about. */
export type OpinionDesk = AsyncDisposable &
  Readonly<{
    /** Returns at once. What of it is not answered before the desk closes is asked again later. */
    take: (asks: readonly OpinionAsk[]) => void
    /** Resolves when nothing is under way. */
    idle: () => Promise<void>
  }>

/** From the commit to the answer, the wait for a place included; as long as one tier may take. */
export const OPINION_MS = 60_000
/** What is waited longer before the question counts as lost: to write the answer. */
const TO_WRITE_MS = 15_000
/** How long a task waits for its opinion at most, each time. */
export const OPINION_WAIT_MS = OPINION_MS + TO_WRITE_MS

/** Questions that are open at once, and those that wait behind them. */
const MAX_OPEN = 4
const MAX_WAITING = 256

/**
 * Opens the desk. Every question ends in the record with an answer or with why there is none, and
 * then its task is rung for: without an answer the rules decide alone. Only a desk that closes, or
 * a record that cannot be reached, leaves a question open; it is asked once more.
 */
export function openOpinionDesk(of: {
  database: Database
  publisher: Pick<Publisher, 'publish'>
  model: Model
  actor: string
  log: Pick<Logger, 'warn'>
  withinMs?: number
}): OpinionDesk {
  const { model, log, withinMs = OPINION_MS } = of
  const closing = new AbortController()
  const waiting: { ask: OpinionAsk; signal: AbortSignal }[] = []
  const open = new Set<Promise<void>>()

  const answerTo = async (ask: OpinionAsk, signal: AbortSignal): Promise<OpinionAnswer> => {
    try {
      signal.throwIfAborted()
      return await askOpinion(model, ask.question, signal)
    } catch (error) {
      closing.signal.throwIfAborted()
      log.warn({ err: error, task_id: ask.taskId }, 'no model gave an opinion; the rules decide')
      return failure(error, signal)
    }
  }
  const run = async (ask: OpinionAsk, signal: AbortSignal): Promise<void> => {
    try {
      await keepOpinion(of, ask, await answerTo(ask, signal))
    } catch (err) {
      if (closing.signal.aborted) return
      log.warn({ err, task_id: ask.taskId }, 'an opinion is not in the record; its task waits on')
    }
  }
  const next = (): void => {
    while (open.size < MAX_OPEN && !closing.signal.aborted) {
      const first = waiting.shift()
      if (first === undefined) return
      start(run(first.ask, first.signal))
    }
  }
  const start = (work: Promise<void>): void => {
    open.add(work)
    void work.finally(() => {
      open.delete(work)
      next()
    })
  }
  const idle = async (): Promise<void> => {
    while (open.size > 0) await Promise.all(open)
  }
  return {
    take(asks) {
      if (closing.signal.aborted) return
      for (const ask of asks) {
        const signal = AbortSignal.any([closing.signal, AbortSignal.timeout(withinMs)])
        if (waiting.length < MAX_WAITING) waiting.push({ ask, signal })
        else start(refuse(of, ask))
      }
      next()
    },
    idle,
    async [Symbol.asyncDispose]() {
      closing.abort()
      waiting.length = 0
      await idle()
    },
  }
}

type Keeping = Parameters<typeof openOpinionDesk>[0]

/** Beyond the bound nobody is asked: the rules decide at once. */
async function refuse(of: Keeping, ask: OpinionAsk): Promise<void> {
  const message = `${MAX_WAITING} questions wait already.`
  try {
    await keepOpinion(of, ask, { failure: { code: 'MODEL_UNAVAILABLE', message } })
  } catch (err) {
    of.log.warn({ err, task_id: ask.taskId }, 'an opinion is not in the record; its task waits on')
  }
}

/** Writes the answer down and rings for its task. */
async function keepOpinion(of: Keeping, ask: OpinionAsk, answer: OpinionAnswer): Promise<void> {
  const { publisher, actor } = of
  const { tenantId, taskId, goalId, attempt, asked } = ask
  const database = openTenantDatabase(of.database)
  const written = await database.as({ tenantIds: [tenantId] }, () =>
    writeOpinion(database, { tenantId, taskId, goalId, attempt, asked, answer, actor }),
  )
  if (written === undefined) return
  const ring: ResultRing = { look_at: 'task', id: taskId }
  await publisher.publish([
    { stream: 'chimera:results', tenant: tenantId, payload: ring },
    ...feedEvents(written.items()).map((event) => ({
      stream: 'chimera:feed' as const,
      tenant: event.tenant,
      payload: event,
    })),
  ])
}

const MAX_MESSAGE = 500

function failure(error: unknown, signal: AbortSignal): OpinionAnswer {
  const isLate = signal.aborted
  const known = error instanceof ChimeraError
  const code = !isLate && known ? error.code : 'MODEL_UNAVAILABLE'
  const why = known ? error.message : 'Asking a model broke; the log of the Judge says more.'
  const message = isLate ? 'No model answered in time.' : why
  return { failure: { code, message: withoutControls(message).slice(0, MAX_MESSAGE) } }
}

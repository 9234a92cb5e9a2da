/**
 * The job that every peer runs, and how its program talks to the bench: three steps, of which the
 * second posts to the provider. Under `killIn` the process SIGKILLs itself between the provider's
 * answer and the framework's record of it, once per intent.
 */
import { closeSync, fsyncSync, openSync, writeSync } from 'node:fs'
import { request } from 'node:http'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'

import { z } from 'zod'

/** What a program is told on its command line, as JSON. */
export const JobSettings = z.strictObject({
  databaseUrl: z.string(),
  redisSocket: z.string(),
  /** Absent: the second step does nothing either, and speed is measured. */
  providerUrl: z.url().optional(),
  /** Where deaths are marked; absent: nobody dies. */
  killIn: z.string().optional(),
  restate: z.strictObject({ port: z.int(), adminUrl: z.url(), ingressUrl: z.url() }).optional(),
})
export type JobSettings = z.infer<typeof JobSettings>

/** A line that the bench writes to a program's standard input. */
export const Order = z.discriminatedUnion('do', [
  z.strictObject({ do: z.literal('submit'), intent: z.string() }),
  /** After a restart, for peers that cannot find what they had begun. */
  z.strictObject({ do: z.literal('resume'), intent: z.string() }),
  /** As many jobs as fit, their names begin with the given one. */
  z.strictObject({ do: z.literal('burst'), name: z.string(), jobs: z.int() }),
  /** One job after the other at a rate. */
  z.strictObject({
    do: z.literal('pace'),
    name: z.string(),
    jobs: z.int(),
    per_s: z.number().positive(),
  }),
  z.strictObject({ do: z.literal('close') }),
])
export type Order = z.infer<typeof Order>

/** A line that a program writes to its standard output; everything else there is noise. */
export const Word = z.discriminatedUnion('said', [
  z.strictObject({ said: z.literal('ready') }),
  z.strictObject({ said: z.literal('finished'), intent: z.string() }),
  /** From the order to the last step of the last job. */
  z.strictObject({ said: z.literal('burst'), name: z.string(), seconds: z.number() }),
  /** From the submission of each job to the end of its last step, in milliseconds. */
  z.strictObject({ said: z.literal('pace'), name: z.string(), waits: z.array(z.number()) }),
])
export type Word = z.infer<typeof Word>

/** The three steps, each to be wrapped in what the framework calls a step. */
export type Job = Readonly<{
  settings: JobSettings
  first: (intent: string) => Promise<void>
  send: (intent: string) => Promise<void>
  last: (intent: string) => Promise<void>
}>

/** Reads the settings of this program. */
export function openJob(argument: string | undefined): Job {
  const settings = JobSettings.parse(JSON.parse(argument ?? ''))
  return {
    settings,
    first: () => Promise.resolve(),
    send: async (intent) => {
      if (settings.providerUrl === undefined) return
      await post(settings.providerUrl, intent)
      if (settings.killIn !== undefined) dieOnce(settings.killIn, intent)
    },
    last: (intent) => {
      if (settings.providerUrl === undefined) {
        bursts.finish(intent)
        paces.finish(intent)
      } else say({ said: 'finished', intent })
      return Promise.resolve()
    },
  }
}

/** What is running as one burst: a job counts once, however often its last step runs. */
const bursts = openBursts()

function openBursts(): {
  begin: (name: string, jobs: number) => string[]
  finish: (intent: string) => void
} {
  let open: { name: string; left: Set<string>; began: number } | undefined
  return {
    begin: (name, jobs) => {
      const intents = Array.from({ length: jobs }, (_, n) => `${name}-${n}`)
      open = { name, left: new Set(intents), began: performance.now() }
      return intents
    },
    finish: (intent) => {
      if (open?.left.delete(intent) !== true || open.left.size > 0) return
      say({ said: 'burst', name: open.name, seconds: (performance.now() - open.began) / 1000 })
    },
  }
}

/** What is running at a rate: each job's wait counts once, however often its last step runs. */
const paces = openPaces()

function openPaces(): {
  begin: (name: string, jobs: number) => string[]
  submitted: (intent: string) => void
  finish: (intent: string) => void
} {
  let open: { name: string; waits: number[]; jobs: number; since: Map<string, number> } | undefined
  return {
    begin: (name, jobs) => {
      open = { name, waits: [], jobs, since: new Map() }
      return Array.from({ length: jobs }, (_, n) => `${name}-${n}`)
    },
    submitted: (intent) => void open?.since.set(intent, performance.now()),
    finish: (intent) => {
      const since = open?.since.get(intent)
      if (open === undefined || since === undefined) return
      open.since.delete(intent)
      open.waits.push(performance.now() - since)
      if (open.waits.length === open.jobs) say({ said: 'pace', name: open.name, waits: open.waits })
    },
  }
}

/** Whatever is due goes together, at most a millisecond late. */
async function submitAt(
  intents: readonly string[],
  perSecond: number,
  submit: (intent: string) => Promise<unknown>,
): Promise<void> {
  const began = performance.now()
  const submitted: Promise<unknown>[] = []
  while (submitted.length < intents.length) {
    const due = Math.ceil(((performance.now() - began) / 1000) * perSecond)
    for (const intent of intents.slice(submitted.length, due)) {
      paces.submitted(intent)
      submitted.push(submit(intent))
    }
    await sleep(1)
  }
  await Promise.all(submitted)
}

/** Where nothing is submitted in bulk: enough to keep a pool of connections busy. */
const LANES = 100

async function submitAll(
  intents: readonly string[],
  submit: (intent: string) => Promise<unknown>,
): Promise<void> {
  const waiting = intents.values()
  const lane = async (): Promise<void> => {
    for (const intent of waiting) await submit(intent)
  }
  await Promise.all(Array.from({ length: LANES }, lane))
}

/** Obeys until told to close, then ends the process. */
export async function obey(duty: {
  submit: (intent: string) => Promise<unknown>
  /** For those who take many jobs in one call. */
  submitMany?: (intents: readonly string[]) => Promise<unknown>
  /** What is made ready for jobs that are submitted one by one, before the first of them. */
  prepare?: (intents: readonly string[]) => Promise<unknown>
  resume?: (intent: string) => Promise<unknown>
  close: () => Promise<unknown>
}): Promise<void> {
  say({ said: 'ready' })
  for await (const line of createInterface({ input: process.stdin })) {
    const order = Order.parse(JSON.parse(line))
    if (order.do === 'close') break
    // Not awaited: a job may take as long as it likes, and dies by its own hand when it has to.
    void start(order, duty)?.catch((error: unknown) => process.stderr.write(`${String(error)}\n`))
  }
  await duty.close()
  process.exit(0)
}

function start(
  order: Exclude<Order, { do: 'close' }>,
  duty: Parameters<typeof obey>[0],
): Promise<unknown> | undefined {
  if (order.do === 'submit') return duty.submit(order.intent)
  if (order.do === 'resume') return duty.resume?.(order.intent)
  if (order.do === 'pace') return pace(order, duty)
  const intents = bursts.begin(order.name, order.jobs)
  return duty.submitMany?.(intents) ?? submitAll(intents, duty.submit)
}

async function pace(
  order: Extract<Order, { do: 'pace' }>,
  duty: Parameters<typeof obey>[0],
): Promise<void> {
  const intents = paces.begin(order.name, order.jobs)
  await duty.prepare?.(intents)
  await submitAt(intents, order.per_s, duty.submit)
}

function say(word: Word): void {
  process.stdout.write(`${JSON.stringify(word)}\n`)
}

function post(url: string, intent: string): Promise<void> {
  const body = JSON.stringify({ intent })
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  const headers = { 'content-type': 'application/json' }
  const asked = request(url, { method: 'POST', headers, agent: false }, (response) => {
    response.resume()
    response.on('error', reject)
    response.on('end', () => {
      if (response.statusCode === 200) resolve()
      else reject(new Error(`The provider answered ${response.statusCode}.`))
    })
  })
  asked.on('error', reject)
  asked.end(body)
  return promise
}

/** The mark is on the disk before the process dies, so that it dies once. */
function dieOnce(folder: string, intent: string): void {
  let mark: number
  try {
    mark = openSync(join(folder, `${intent}.killed`), 'wx')
  } catch {
    return
  }
  writeSync(mark, String(Date.now()))
  fsyncSync(mark)
  closeSync(mark)
  process.kill(process.pid, 'SIGKILL')
  // The signal may take a moment to arrive; nothing more may happen in between.
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0)
}

/**
 * What a test says to prove a guarantee, and to prove that it could have failed.
 *
 *   import { control, guarantee, sampleSize, seeded } from '../guarantee.ts'
 *
 *   const n = sampleSize({ ci: 20, full: 400 })
 *   const claim = { id: 'one-tweet', title: 'a killed worker posts once', n, seed: 7 }
 *
 *   guarantee(claim, async ({ n, random }) => {
 *     await expectOneTweetPerGoal({ n, random, compose: composeWorker })
 *   })
 *
 *   const without = { guard: 'the claim before the call', test: 'one-tweet', expect: /2 to be 1/ }
 *
 *   control(without, async () => {
 *     await expectOneTweetPerGoal({ n: 1, random: seeded(7), compose: composeWithoutClaim })
 *   })
 *
 * Both register one vitest test each; call them at the top of a file or inside `describe`. A
 * guarantee's id, n, seed and outcome (time-outs included) and a control's guard and the failure it
 * saw travel as the test's `meta` to `tests/reporter.ts`, which writes them to the file named by
 * CHIMERA_TEST_REPORT; `./chimera test` sums that file up. A guard is removed by composing the
 * parts without it, in the test only: no product code has a switch for it (design section 10).
 */
import { inject, test } from 'vitest'

/** What the reporter learns of a guarantee. */
export type GuaranteeMeta = { id: string; n: number; seed: number }

/** What the reporter learns of a negative control; `seen` is there once the failure was seen. */
export type ControlMeta = { guard: string; test: string; expect: string; seen?: string }

declare module 'vitest' {
  interface TaskMeta {
    guarantee?: GuaranteeMeta
    control?: ControlMeta
  }
  interface ProvidedContext {
    sample: 'ci' | 'full'
    /** `later` where controls start processes and the run has not asked for them. */
    controls: 'now' | 'later'
  }
}

/** A repeatable source of chance: the same seed gives the same numbers on every machine. */
export type Random = {
  /** In [0, 1). */
  fraction(): number
  /** A whole number from `least` to `most`, both included. */
  integer(least: number, most: number): number
  /** One of the list, which must not be empty. */
  pick<T>(list: readonly T[]): T
  /** A new list in another order. */
  shuffle<T>(list: readonly T[]): T[]
}

/** Mulberry32: 32 bits of state are enough to choose whom to kill, and it is five lines long. */
export function seeded(seed: number): Random {
  let state = seed >>> 0
  const fraction = (): number => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
  const integer = (least: number, most: number): number =>
    least + Math.floor(fraction() * (most - least + 1))
  const pick = <T>(list: readonly T[]): T => {
    const [chosen] = list.slice(integer(0, list.length - 1))
    if (chosen === undefined) throw new Error('Nothing to pick from: the list is empty.')
    return chosen
  }
  const shuffle = <T>(list: readonly T[]): T[] =>
    list
      .map((item) => ({ item, order: fraction() }))
      .toSorted((left, right) => left.order - right.order)
      .map(({ item }) => item)
  return { fraction, integer, pick, shuffle }
}

/**
 * How many times to try: `full` under `./chimera test --full` (CHIMERA_TEST_FULL=1), else the
 * smaller `ci`. The summary prints what was taken.
 */
export function sampleSize(sizes: { ci: number; full: number }): number {
  return sizes[inject('sample')]
}

/**
 * Registers a test that proves the guarantee `id` on `n` tries from `seed`. The body gets both back
 * with the random source of that seed. `timeoutMs` where the project's own is too short.
 */
export function guarantee(
  claim: { id: string; title?: string; n: number; seed: number; timeoutMs?: number },
  body: (given: { n: number; seed: number; random: Random; signal: AbortSignal }) => unknown,
): void {
  const { id, n, seed } = claim
  const title = `guarantee ${id}: ${claim.title ?? id} (n=${n}, seed=${seed})`
  test(title, timeoutOf(claim), async ({ task, signal }) => {
    task.meta.guarantee = { id, n, seed }
    await body({ n, seed, random: seeded(seed), signal })
  })
}

/**
 * Registers a negative control: `body` is the body of `test` in a composition without `guard`. It
 * passes only when that body fails with a message that `expect` matches; another failure, or none,
 * fails it. One that starts processes is left to `./chimera test --controls` and `--full`.
 */
export function control(
  claim: { guard: string; test: string; expect: RegExp; timeoutMs?: number },
  body: (given: { signal: AbortSignal }) => unknown,
): void {
  const { guard, test: of, expect } = claim
  const register = inject('controls') === 'later' ? test.skip : test
  register(`control: without ${guard}, ${of} fails`, timeoutOf(claim), async ({ task, signal }) => {
    const meta: ControlMeta = { guard, test: of, expect: String(expect) }
    task.meta.control = meta
    meta.seen = await failureOf(() => body({ signal }), claim)
  })
}

function timeoutOf(claim: { timeoutMs?: number }): { timeout?: number } {
  return claim.timeoutMs === undefined ? {} : { timeout: claim.timeoutMs }
}

/**
 * The first line of the expected failure. Throws when the body does not fail, or fails otherwise.
 */
async function failureOf(
  body: () => unknown,
  { guard, test: of, expect }: { guard: string; test: string; expect: RegExp },
): Promise<string> {
  const seen = await Promise.resolve()
    .then(body)
    .then(
      () => undefined,
      (cause: unknown) => ({ cause }),
    )
  if (seen === undefined) {
    throw new Error(`Without ${guard}, ${of} still passes: it proves nothing.`)
  }
  const message = seen.cause instanceof Error ? seen.cause.message : String(seen.cause)
  if (!expect.test(message)) {
    throw new Error(`Without ${guard}, ${of} failed otherwise than ${expect}: ${message}`, seen)
  }
  return message.split('\n', 1)[0] ?? ''
}

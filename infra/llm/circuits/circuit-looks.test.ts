import { expect, test } from 'vitest'

import { openCircuitLooks, SEEN_FOR_MS } from './circuit-looks.ts'
import { CLOSED, heldOpen } from './circuit.ts'

const OPEN = heldOpen('it makes things up', 'ana')
/** Far from zero, as the record's clock is from that of a process. */
const RECORD_MS = 1_000_000

/** A record whose looks are answered when the test says so, and a clock that it moves. */
function openRig() {
  let nowMs = 0
  let circuit = CLOSED
  let isHeld = false
  let looks = 0
  const held: (() => void)[] = []
  const seen = openCircuitLooks(
    () => {
      looks += 1
      // What it brings is what stands there when it is sent.
      const at = { circuit, nowMs: RECORD_MS + nowMs }
      if (!isHeld) return Promise.resolve(at)
      const { promise, resolve } = Promise.withResolvers<typeof at>()
      held.push(() => resolve(at))
      return promise
    },
    () => nowMs,
  )
  return {
    see: () => seen.see('one'),
    forget: () => seen.forget('one'),
    looks: () => looks,
    pass: (ms: number) => void (nowMs += ms),
    write: (to: typeof CLOSED) => void (circuit = to),
    /** From here on looks are on their way until `land`. */
    hold: () => void (isHeld = true),
    land: async () => {
      isHeld = false
      for (const answer of held.splice(0)) answer()
      await turn()
    },
  }
}

/** Everything that waits for nothing has happened then. */
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))
const stateOf = async (see: () => ReturnType<ReturnType<typeof openRig>['see']>) =>
  (await see()).circuit.state

test('what was just seen costs no look, and the record’s time goes on meanwhile', async () => {
  const { see, looks, pass } = openRig()
  expect((await see()).nowMs).toBe(RECORD_MS)
  pass(SEEN_FOR_MS / 2 - 1)
  expect((await see()).nowMs).toBe(RECORD_MS + SEEN_FOR_MS / 2 - 1)
  expect(looks()).toBe(1)
})

test('it holds no longer than it may, also where the next look stays away', async () => {
  const { see, pass, write, hold, land } = openRig()
  await see()
  write(OPEN)
  hold()
  pass(SEEN_FOR_MS - 1)
  expect(await stateOf(see)).toBe('closed')
  pass(1)
  const waits = stateOf(see)
  await land()
  expect(await waits).toBe('open')
})

test('it is looked at again in time, and no question waits for that', async () => {
  const { see, looks, pass, hold, land } = openRig()
  await see()
  pass(SEEN_FOR_MS / 2)
  hold()
  const [one, other] = await Promise.all([see(), see()])
  expect([one.circuit.state, other.circuit.state, looks()]).toEqual(['closed', 'closed', 2])
  await land()
  pass(SEEN_FOR_MS / 2 - 1)
  await see()
  expect(looks()).toBe(2)
})

test('many who ask at once share one look', async () => {
  const { see, looks } = openRig()
  await Promise.all([see(), see(), see()])
  expect(looks()).toBe(1)
})

test('nobody shares a look that was sent too long ago', async () => {
  const { see, looks, pass, write, hold, land } = openRig()
  hold()
  const slow = see()
  write(OPEN)
  pass(SEEN_FOR_MS)
  const later = see()
  await land()
  expect(looks()).toBe(2)
  expect([(await slow).circuit.state, (await later).circuit.state]).toEqual(['closed', 'open'])
  // Whichever landed last, the one that was sent later is what is known.
  expect(await stateOf(see)).toBe('open')
})

test('a look that began before a write is not believed after it', async () => {
  const { see, forget, pass, write, hold, land } = openRig()
  await see()
  pass(SEEN_FOR_MS / 2)
  hold()
  await see()
  write(OPEN)
  forget()
  await land()
  expect(await stateOf(see)).toBe('open')
})

test('a record that is away is told of where there has to be a look, and only there', async () => {
  let isAway = false
  let nowMs = 0
  const away = new Error('away')
  const { see } = openCircuitLooks(
    () => (isAway ? Promise.reject(away) : Promise.resolve({ circuit: CLOSED, nowMs: 0 })),
    () => nowMs,
  )
  await see('one')
  isAway = true
  nowMs = SEEN_FOR_MS - 1
  expect((await see('one')).circuit).toBe(CLOSED)
  await turn()
  nowMs = SEEN_FOR_MS
  await expect(see('one')).rejects.toBe(away)
  isAway = false
  expect((await see('one')).circuit).toBe(CLOSED)
})

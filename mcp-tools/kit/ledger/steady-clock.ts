/** Two clocks: one that people set, and one that only ever runs on. */
export type Clock = Readonly<{ wall: () => number; monotonic: () => number }>

export const SYSTEM_CLOCK: Clock = {
  wall: () => Date.now(),
  monotonic: () => performance.now(),
}

/** The clocks may come apart by this much (design.md section 5); an NTP step is smaller. */
export const MAX_JUMP_MS = 5_000

/**
 * The wall clock, believed only as long as the monotonic clock agrees with it. Both are compared at
 * every reading, so that no time that has jumped is ever used, without a timer that would wake an
 * idle server. After a jump it runs on by the monotonic clock alone.
 */
export type SteadyClock = ReturnType<typeof openSteadyClock>

type State = {
  anchor: number
  jumpedMs: number | undefined
  isProven: boolean
  /** The latest time that was ever believed, or named by somebody who is believed. */
  latestMs: number
}

export function openSteadyClock(clock: Clock) {
  const offset = (): number => clock.wall() - clock.monotonic()
  const state: State = {
    anchor: offset(),
    jumpedMs: undefined,
    isProven: false,
    latestMs: -Infinity,
  }
  const look = (): void => {
    if (state.jumpedMs !== undefined) return
    const apart = offset() - state.anchor
    if (Math.abs(apart) > MAX_JUMP_MS) state.jumpedMs = Math.round(apart)
  }
  return {
    /** The plain clock, for comparison with the clocks of others. */
    wall: (): number => Math.floor(clock.wall()),
    monotonic: clock.monotonic,
    now: (): number => {
      look()
      const isSound = state.jumpedMs === undefined
      return Math.floor(isSound ? clock.wall() : state.anchor + clock.monotonic())
    },
    /** By how much the wall clock has jumped; stays until it is proven again. */
    jumpedMs: (): number | undefined => {
      look()
      return state.jumpedMs
    },
    /**
     * Somebody who is believed has named a time that is not yet: as if this clock had jumped. Not
     * so for one that it was itself before it was put back: those are words of that time.
     */
    doubt: (namedMs: number): void => {
      if (namedMs <= state.latestMs + MAX_JUMP_MS) return
      state.latestMs = namedMs
      state.jumpedMs ??= Math.round(clock.wall() - namedMs)
    },
    /** Whether somebody else's clock has agreed with this one since the start. */
    isProven: (): boolean => state.isProven,
    /**
     * The wall clock is right: the record has just agreed with it. Answers by how much it is ahead
     * of what was believed so far.
     */
    prove: (): number => {
      const aheadMs = Math.round(offset() - state.anchor)
      state.latestMs = Math.max(state.latestMs, state.anchor + clock.monotonic())
      Object.assign(state, { anchor: offset(), jumpedMs: undefined, isProven: true })
      return aheadMs
    },
  }
}

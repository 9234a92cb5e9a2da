import { openBenchStack, openStateDir } from '../stack/bench-stack.ts'
import { type Contestant, ROUND_WITHIN_MS } from './contestant.ts'

/** The tool server's last point before it writes down that the provider answered. */
const KILLED_AT = 'tool.send.answered'

/**
 * Chimera itself: a real stack, whose tool server SIGKILLs itself between X's answer and its
 * ledger's record of it. X's own check for duplicates is off, so that a second post would show. A
 * crash label fires once in the life of a stack: each round starts the stack anew on the same
 * state.
 */
export function openChimeraContestant(options: {
  version: string
  env: Readonly<Record<string, string | undefined>>
}): Contestant {
  const folder = openStateDir()
  const env = {
    ...options.env,
    CHIMERA_CRASH_AT: KILLED_AT,
    // Simulated X has no 15 minutes between two posts, and shows a post within 3 s or never.
    TWEET_COOLDOWN_MS: '1',
    TWEET_ABSENCE_MS: '3000',
  }
  return {
    id: 'chimera',
    name: 'Chimera',
    version: options.version,
    recovery: 'the ledger says UNKNOWN, X is asked, a signed receipt settles it',
    recoversByItself: true,
    round: async (intent) => {
      await using stack = await openBenchStack({ stateDir: folder.stateDir, env })
      await stack.misbehave({ duplicate_check: false })
      const before = stack.crashes().length
      const text = `bench ${intent}`
      await stack.post({ id: intent, text: `publish a tweet: ${text}` })
      const goal = await stack.ended(intent, ROUND_WITHIN_MS)
      const deaths = stack.crashes().slice(before)
      const diedAt = deaths.find(({ label }) => label === KILLED_AT)?.at
      const state = goal.effects.at(-1)?.state
      return {
        intent,
        effects: stack.tweets().filter(({ body }) => JSON.stringify(body).includes(text)).length,
        kills: deaths.length,
        recovered_ms:
          diedAt === undefined || goal.finished_at === null
            ? null
            : Date.parse(goal.finished_at) - Date.parse(diedAt),
        ...(state === 'CONFIRMED' ? {} : { fault: `${goal.status}, effect ${state}` }),
      }
    },
    [Symbol.asyncDispose]: () => {
      folder[Symbol.dispose]()
      return Promise.resolve()
    },
  }
}

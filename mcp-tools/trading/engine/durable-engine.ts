import { openEngineJournal, type EngineInput } from './engine-journal.ts'
import type { Quote } from './engine-state.ts'
import { createEngine, type Engine, type EngineOptions } from './engine.ts'

/**
 * An engine that a kill at any moment leaves as it was when it last answered: each input is in the
 * journal before its answer is returned, and a new life plays the journal again. A tick that moves
 * nothing but quotes is not written until something is placed on it.
 */
export function openDurableEngine(
  options: EngineOptions & Readonly<{ journalPath: string }>,
): Engine & Disposable {
  const journal = openEngineJournal(options.journalPath)
  const engine = createEngine(options)
  for (const input of journal.restored) applyInput(engine, input)
  const unwritten = new Map<number, Quote>()
  let quotedMs = 0
  const note = (input: EngineInput): void => {
    // The latest of each market alone: nothing has moved since, so nothing would by the others.
    const quotes = [...unwritten.values()]
    if (quotes.length > 0) journal.append({ kind: 'tick', quotes, atMs: quotedMs })
    unwritten.clear()
    journal.append(input)
  }
  return {
    ...engine,
    place: (given) => {
      const answer = engine.place(given)
      note({ kind: 'place', ...given })
      return answer
    },
    cancel: (given) => {
      const answer = engine.cancel(given)
      if (answer.kind === 'success') note({ kind: 'cancel', ...given })
      return answer
    },
    setLeverage: (given) => {
      const answer = engine.setLeverage(given)
      if (answer.kind === 'success') note({ kind: 'leverage', ...given })
      return answer
    },
    deposit: (given) => {
      engine.deposit(given)
      note({ kind: 'deposit', ...given })
    },
    tick: (given) => {
      const moved = engine.tick(given)
      if (moved.isChanged) note({ kind: 'tick', ...given })
      else {
        for (const quote of given.quotes) unwritten.set(quote.asset, quote)
        quotedMs = given.atMs
      }
      return moved
    },
    [Symbol.dispose]: () => journal[Symbol.dispose](),
  }
}

/** Does again what was done before. */
export function applyInput(engine: Engine, input: EngineInput): void {
  switch (input.kind) {
    case 'place':
      engine.place(input)
      return
    case 'cancel':
      engine.cancel(input)
      return
    case 'leverage':
      engine.setLeverage(input)
      return
    case 'deposit':
      engine.deposit(input)
      return
    case 'tick':
      engine.tick(input)
      return
  }
}

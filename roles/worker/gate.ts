/** Lets at most so many works of one sort run at once; the others wait in order. */
export type Gates = Readonly<{ run: <T>(sort: string, work: () => Promise<T>) => Promise<T> }>

/** One gate per sort, as wide as `widthOf` says when it is first asked for. */
export function openGates(widthOf: (sort: string) => number): Gates {
  const gates = new Map<string, Gate>()
  return {
    run(sort, work) {
      const gate = gates.get(sort) ?? openGate(widthOf(sort))
      gates.set(sort, gate)
      return gate(work)
    },
  }
}

type Gate = <T>(work: () => Promise<T>) => Promise<T>

function openGate(width: number): Gate {
  let running = 0
  const waiting: (() => void)[] = []
  return async (work) => {
    if (running >= width) {
      const { promise, resolve } = Promise.withResolvers<void>()
      waiting.push(resolve)
      await promise
    } else {
      running += 1
    }
    try {
      return await work()
    } finally {
      // The place goes to the next in the line, so that nobody can jump it.
      const next = waiting.shift()
      if (next === undefined) running -= 1
      else next()
    }
  }
}

/**
 * Lets at most so many works of one sort run at once; the others wait, each party's in order, and
 * the parties take turns: who has a thousand waiting holds up nobody who has one.
 */
export type Gates = Readonly<{
  run: <T>(of: { sort: string; party: string }, work: () => Promise<T>) => Promise<T>
}>

/** One gate per sort, as wide as `widthOf` says when it is first asked for. */
export function openGates(widthOf: (sort: string) => number): Gates {
  const gates = new Map<string, Gate>()
  return {
    run({ sort, party }, work) {
      const gate = gates.get(sort) ?? openGate(widthOf(sort))
      gates.set(sort, gate)
      return gate(party, work)
    },
  }
}

type Gate = <T>(party: string, work: () => Promise<T>) => Promise<T>

function openGate(width: number): Gate {
  let running = 0
  /** In the order in which the parties' turns come. */
  const lines = new Map<string, (() => void)[]>()
  const next = (): (() => void) | undefined => {
    for (const [party, line] of lines) {
      lines.delete(party)
      const first = line.shift()
      if (line.length > 0) lines.set(party, line)
      if (first !== undefined) return first
    }
    return undefined
  }
  return async (party, work) => {
    if (running >= width) {
      const { promise, resolve } = Promise.withResolvers<void>()
      const line = lines.get(party) ?? []
      line.push(resolve)
      lines.set(party, line)
      await promise
    } else {
      running += 1
    }
    try {
      return await work()
    } finally {
      // The place goes to the next in the line, so that nobody can jump it.
      const goOn = next()
      if (goOn === undefined) running -= 1
      else goOn()
    }
  }
}

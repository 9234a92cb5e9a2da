/** The message of pino's `err`; a long line is cut, so that it may be no JSON as a whole. */
const FAULT = /"err":\{"type":"\w+","message":("(?:[^"\\]|\\.)*")/

/** What a process of ours said last of an error, by the lines of its log. */
export function lastFault(lines: readonly string[]): string {
  for (const line of lines.toReversed()) {
    const message = FAULT.exec(line)?.[1]
    if (message !== undefined) return String(JSON.parse(message))
  }
  return 'Another process holds what it needs; its log says which.'
}

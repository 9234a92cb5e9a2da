/**
 * Tells the lines that a command says to people from all else in its log, line after line: those
 * that begin with its name, and the indented ones below them (the faults of a configuration, the
 * last words of a process that did not start).
 */
export function followSentences(): (line: string) => boolean {
  let isTold = false
  return (line) => {
    isTold = line.startsWith('chimera: ') || (isTold && /^\s+\S/.test(line))
    return isTold
  }
}

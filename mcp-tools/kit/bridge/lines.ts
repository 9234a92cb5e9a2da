/** An MCP message is small; a stream without an end of line is not one. */
export const MAX_LINE_BYTES = 8_388_608

const END = 10

/** Cuts a stream of bytes into lines. Throws when a line is longer than any message. */
export function createLines(): (chunk: Buffer) => string[] {
  let rest = Buffer.alloc(0)
  return (chunk) => {
    const lines: string[] = []
    let from = 0
    for (let end = chunk.indexOf(END); end >= 0; end = chunk.indexOf(END, from)) {
      const line = Buffer.concat([rest, chunk.subarray(from, end)]).toString('utf8')
      rest = Buffer.alloc(0)
      from = end + 1
      lines.push(line)
    }
    rest = Buffer.concat([rest, chunk.subarray(from)])
    if (rest.length > MAX_LINE_BYTES) {
      throw new RangeError(`A message has more than ${MAX_LINE_BYTES} bytes.`)
    }
    return lines
  }
}

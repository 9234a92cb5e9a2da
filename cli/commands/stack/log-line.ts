const levels: Readonly<Record<string, string>> = {
  '10': 'trace',
  '20': 'debug',
  '30': 'info',
  '40': 'WARN',
  '50': 'ERROR',
  '60': 'FATAL',
}
/** Known from the file, or of no use to a person. */
const hidden = new Set(['level', 'time', 'msg', 'name', 'pid', 'hostname', 'process'])

/** One line for a person: time, process, level, what happened, and the fields that tell more. */
export function renderLogLine(process: string, text: string): string {
  const line = parse(text)
  if (line === undefined) return `${process.padEnd(12)} ${text}`
  const written = line['time']
  const at = new Date(typeof written === 'number' || typeof written === 'string' ? written : NaN)
  const time = Number.isNaN(at.getTime()) ? ' '.repeat(12) : at.toISOString().slice(11, 23)
  const level = (levels[String(line['level'])] ?? String(line['level'])).padEnd(5)
  const fields = Object.entries(line)
    .filter(([name]) => !hidden.has(name))
    .map(([name, value]) => `${name}=${typeof value === 'string' ? value : JSON.stringify(value)}`)
  return [
    time,
    process.padEnd(12),
    level,
    typeof line['msg'] === 'string' ? line['msg'] : '',
    ...fields,
  ].join(' ')
}

function parse(text: string): Record<string, unknown> | undefined {
  if (!text.startsWith('{')) return undefined
  try {
    const line: unknown = JSON.parse(text)
    return typeof line === 'object' && line !== null ? { ...line } : undefined
  } catch {
    return undefined
  }
}

import { cut, plain } from './terminal-text.ts'

type Cell = string | number | null | undefined

/** Wider cells are cut: a table is for the eye, `--json` has everything. */
const MAX_CELL = 60

/** Columns as wide as their widest cell; texts of outsiders cannot break out of theirs. */
export function renderTable(head: readonly string[], rows: readonly (readonly Cell[])[]): string[] {
  const cells = [head, ...rows].map((row) =>
    row.map((cell) => cut(plain(String(cell ?? '-')), MAX_CELL)),
  )
  const widths = head.map((_, column) => Math.max(...cells.map((row) => row[column]?.length ?? 0)))
  return cells.map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd(),
  )
}

/** `name  value` lines, the values below each other; what is not there is left out. */
export function renderFields(fields: Readonly<Record<string, Cell>>): string[] {
  const shown = Object.entries(fields).filter(([, value]) => value !== null && value !== undefined)
  const width = Math.max(0, ...shown.map(([name]) => name.length))
  return shown.map(([name, value]) => `${name.padEnd(width)}  ${plain(String(value))}`)
}

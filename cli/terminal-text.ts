/**
 * C0 but line breaks and tabs, DEL, C1, line separators, and the marks that turn text around: what
 * can move a cursor, recolour a screen or show an order of words that is not there.
 */
// oxlint-disable-next-line no-control-regex
const UNSAFE = /[\u0000-\u0008\u000B-\u001F\u007F-\u009F\u200E\u200F\u2028-\u202E\u2066-\u2069]/g
const BREAKS = /[\t\n]/g

/** Text of outsiders on one line of a terminal: what acts on it is shown, not done. */
export const plain = (text: string): string =>
  text.toWellFormed().replaceAll(UNSAFE, codePoint).replaceAll(BREAKS, ' ')

/** JSON that says the same and holds no character that acts on a terminal. */
export const printableJson = (value: unknown): string =>
  JSON.stringify(value).replaceAll(
    UNSAFE,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )

/** At most so many columns, with an ellipsis where something is missing. */
export function cut(text: string, columns: number): string {
  if (text.length <= columns) return text
  return `${text.slice(0, columns - 1).toWellFormed()}…`
}

function codePoint(character: string): string {
  return `\\u{${character.charCodeAt(0).toString(16)}}`
}

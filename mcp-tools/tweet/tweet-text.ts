/**
 * What a post's text is to X: its canonical form, its weighted length and its links. The rules are
 * those of twitter-text 3 (its "version 3" configuration), which X publishes for this purpose.
 */
import twitterText from 'twitter-text'

/** Weighted: most Latin letters count 1, CJK and any emoji 2, any link 23 (twitter-text 3). */
export const MAX_WEIGHTED_LENGTH = 280

/**
 * UTF-16 units a schema may advertise. 140 emoji of joined parts weigh 280 and take over 2,000
 * units, and one long link weighs 23, so 280 units would be wrong; this only bounds the work.
 */
export const MAX_TEXT_UNITS = 4_000

/** A link in a text, as X would wrap it: bare domains count. `start` and `end` are UTF-16 units. */
export type Link = { readonly url: string; readonly start: number; readonly end: number }

/** Whether X takes a text, and what to tell the operator if not, by a code of the error table. */
export type TextVerdict =
  | { readonly isValid: true; readonly weightedLength: number; readonly hasLink: boolean }
  | {
      readonly isValid: false
      readonly code: 'TEXT_TOO_LONG' | 'INPUT_INVALID'
      readonly weightedLength: number
      readonly detail: string
    }

/**
 * The one form of a text that is hashed, approved, sent and compared: NFC, line ends as `\n`, no
 * white space around it. X stores it unchanged but for links and `& < >`. Idempotent.
 */
export function canonicalText(text: string): string {
  return text.normalize('NFC').replaceAll(/\r\n?/gu, '\n').trim()
}

/**
 * Two texts with one normalised form are the same post to a reader: canonical, and every run of
 * white space one blank. It keys what must not be posted twice; it is never sent.
 */
export function normalisedText(text: string): string {
  return canonicalText(text).replaceAll(/\s+/gu, ' ')
}

/** Judges a text as X would, without a network. The text is measured in its canonical form. */
export function checkText(text: string): TextVerdict {
  const invalid = (detail: string, weightedLength = 0): TextVerdict => ({
    isValid: false,
    code: 'INPUT_INVALID',
    weightedLength,
    detail,
  })
  if (text.length > MAX_TEXT_UNITS) {
    const detail = `The text has ${text.length} UTF-16 units; at most ${MAX_TEXT_UNITS} are read.`
    return { isValid: false, code: 'TEXT_TOO_LONG', weightedLength: text.length, detail }
  }
  // JSON would carry a lone surrogate as an escape, and X would store something else.
  if (!text.isWellFormed()) return invalid('The text holds half of a surrogate pair.')
  const canonical = canonicalText(text)
  if (canonical === '') return invalid('The text is empty.')
  const { weightedLength, valid } = twitterText.parseTweet(canonical)
  if (weightedLength > MAX_WEIGHTED_LENGTH) {
    const detail =
      `The text weighs ${weightedLength}; X takes ${MAX_WEIGHTED_LENGTH} ` +
      '(CJK and emoji weigh 2, a link 23).'
    return { isValid: false, code: 'TEXT_TOO_LONG', weightedLength, detail }
  }
  if (!valid) {
    return invalid('The text holds a code point that X refuses (U+FFFE, U+FEFF, U+FFFF).')
  }
  return { isValid: true, weightedLength, hasLink: findLinks(canonical).length > 0 }
}

/** The links that X would wrap with t.co, in order of their place. */
export function findLinks(text: string): Link[] {
  return twitterText
    .extractUrlsWithIndices(text)
    .map(({ url, indices: [start, end] }) => ({ url, start, end }))
}

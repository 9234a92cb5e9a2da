/**
 * How X counts a post, by its own library in its own configuration (twitter-text 3). The tool
 * server counts again; a test holds the two equal.
 */
import twitterText from 'twitter-text'

/** Weighted: most Latin letters count 1, CJK and any emoji 2, any link 23. */
export const MAX_WEIGHT = 280
/** UTF-16 units that are looked at: 140 emoji of joined parts weigh 280 and take over 2,000. */
const MAX_UNITS = 4_000

/** The form of a text that is posted: NFC, line ends as `\n`, no white space around it. */
export function canonicalText(text: string): string {
  return text.normalize('NFC').replaceAll(/\r\n?/gu, '\n').trim()
}

/** Why X would not take a text, by a code of the error table; undefined when it would. */
export function faultOfText(
  text: string,
): { readonly code: 'TEXT_TOO_LONG' | 'INPUT_INVALID'; readonly reason: string } | undefined {
  const invalid = (reason: string) => ({ code: 'INPUT_INVALID', reason }) as const
  if (text.length > MAX_UNITS) {
    return { code: 'TEXT_TOO_LONG', reason: `The text has ${text.length} UTF-16 units.` }
  }
  if (!text.isWellFormed()) return invalid('The text holds half of a surrogate pair.')
  const canonical = canonicalText(text)
  if (canonical === '') return invalid('The text is empty.')
  const { weightedLength, valid } = twitterText.parseTweet(canonical)
  if (weightedLength > MAX_WEIGHT) {
    const reason = `The text weighs ${weightedLength}; X takes ${MAX_WEIGHT}.`
    return { code: 'TEXT_TOO_LONG', reason }
  }
  return valid ? undefined : invalid('The text holds a code point that X refuses.')
}

import twitterText from 'twitter-text'

import {
  canonicalAddress,
  canonicalCashtag,
  canonicalMention,
  canonicalUrl,
  type Destination,
} from './canonical-destination.ts'
import { foldText } from './fold-text.ts'

/** Longer texts are not looked through: no tool takes them. */
const MAX_LOOKED_AT = 20_000
const TOO_LONG: Destination = { kind: 'url', canonical: '(the text is too long to look through)' }

/**
 * Every URL, mention, cashtag and address that a text names as it is spelled: what X links, by its
 * own rules, and what a reader would copy. For the owner's words: what they allow.
 */
export function namedDestinations(text: string): Destination[] {
  if (text.length > MAX_LOOKED_AT) return []
  const canonical = text.normalize('NFC')
  return unique([...linkedByX(canonical), ...copied(canonical)])
}

/**
 * The same, and everything that a text could name to a reader: split by what nobody sees, spelled
 * with look-alikes or wide letters, `hxxp`, `[.]`, `dot com`. For words that leave the house: all
 * of them have to be allowed. Never less than `namedDestinations`.
 */
export function possibleDestinations(text: string): Destination[] {
  if (text.length > MAX_LOOKED_AT) return [TOO_LONG]
  const folded = foldText(text)
  const armed = rearmed(folded)
  return unique([
    ...namedDestinations(text),
    ...[folded, armed].flatMap((form) => [...linkedByX(form), ...copied(form), ...hinted(form)]),
  ])
}

function linkedByX(text: string): Destination[] {
  return [
    ...twitterText
      .extractUrls(text)
      .map((url): Destination => ({ kind: 'url', canonical: canonicalUrl(url) })),
    ...twitterText
      .extractMentions(text)
      .map((name): Destination => ({ kind: 'mention', canonical: canonicalMention(name) })),
    ...twitterText
      .extractCashtags(text)
      .map((symbol): Destination => ({ kind: 'cashtag', canonical: canonicalCashtag(symbol) })),
  ]
}

/** What a text says of where to go without a link of X. Each pattern is linear. */
const PATTERNS: readonly {
  readonly kind: Destination['kind']
  readonly pattern: RegExp
  readonly canonical: (found: string) => string
}[] = [
  {
    kind: 'url',
    pattern: /(?<![\p{L}\p{N}])[a-z][a-z0-9+.-]{1,20}:[/\\]{1,3}[^\s<>"]+/giu,
    canonical: (found) => canonicalUrl(trimmed(found)),
  },
  {
    kind: 'url',
    pattern: /\b(?:mailto|tel|sms|bitcoin|ethereum|lightning|magnet|javascript|data):[^\s<>"]+/gi,
    canonical: (found) => canonicalUrl(trimmed(found)),
  },
  // A host with a path, whatever its top-level domain: lists of those grow old.
  {
    kind: 'url',
    pattern: joined(
      /(?<![\p{L}\p{N}@./-])[\p{L}\p{N}-]{1,63}\.(?:[\p{L}\p{N}-]{1,63}\.){0,8}/u,
      /\p{L}[\p{L}\p{N}-]{1,62}(?::\d{1,5})?\/[^\s<>"]+/u,
    ),
    canonical: (found) => canonicalUrl(trimmed(found)),
  },
  {
    kind: 'url',
    pattern: /(?<![\d.])\d{1,3}(?:\.\d{1,3}){3}(?::\d{1,5})?\/[^\s<>"]+/g,
    canonical: (found) => canonicalUrl(trimmed(found)),
  },
  {
    kind: 'email',
    pattern: /[\p{L}\p{N}._%+-]{1,64}@[\p{L}\p{N}-]{1,63}(?:\.[\p{L}\p{N}-]{1,63}){1,8}/gu,
    canonical: (found) => found.toLowerCase(),
  },
  {
    kind: 'address',
    pattern: /0x(?:[\s-]?[0-9a-f]){40,64}/gi,
    canonical: canonicalAddress,
  },
  {
    kind: 'address',
    pattern: /\b(?:(?:bc1|tb1)[a-z0-9]{11,87}|ln(?:bc|tb|url)[a-z0-9]{20,2000})\b/gi,
    canonical: canonicalAddress,
  },
  // Base58 of Bitcoin, Solana, Tron; 60 capital letters of Qubic; bank accounts (IBAN).
  {
    kind: 'address',
    pattern: /\b(?=[A-Za-z]*[1-9])[1-9A-HJ-NP-Za-km-z]{26,64}\b/g,
    canonical: canonicalAddress,
  },
  { kind: 'address', pattern: /\b[A-Z]{55,60}\b/g, canonical: canonicalAddress },
  {
    kind: 'address',
    pattern: /\b[A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){3,7}(?: ?[A-Z0-9]{1,3})?\b/g,
    canonical: canonicalAddress,
  },
  // Names that wallets resolve.
  {
    kind: 'address',
    pattern: /\b[\p{L}\p{N}-]{1,63}(?:\.[\p{L}\p{N}-]{1,63}){0,4}\.(?:eth|sol|crypto|bnb|nft)\b/giu,
    canonical: canonicalAddress,
  },
  {
    kind: 'phone',
    pattern: /(?<![\p{L}\p{N}])(?:\+|00)\d(?:[ ()./-]{0,2}\d){7,14}(?!\d)/gu,
    canonical: (found) => `+${found.replaceAll(/\D/g, '').replace(/^00/, '')}`,
  },
]

function copied(text: string): Destination[] {
  return PATTERNS.flatMap(({ kind, pattern, canonical }) =>
    Array.from(text.matchAll(pattern), ([found]) => ({ kind, canonical: canonical(found) })),
  )
}

/** Mentions and cashtags that X would not link in this spelling, but a reader would look up. */
function hinted(text: string): Destination[] {
  const mentions = text.matchAll(/(?<![\p{L}\p{N}_.%+-])@([a-z0-9_]{1,20})/giu)
  const cashtags = text.matchAll(
    /(?<![\p{L}\p{N}$])\$([a-z]{1,6}(?:[._][a-z]{1,2})?)(?![\p{L}\p{N}])/giu,
  )
  return [
    ...Array.from(mentions, ([, name = '']): Destination => ({
      kind: 'mention',
      canonical: canonicalMention(name),
    })),
    ...Array.from(cashtags, ([, symbol = '']): Destination => ({
      kind: 'cashtag',
      canonical: canonicalCashtag(symbol),
    })),
  ]
}

/** Rarely anything but a link that was pulled apart. */
const DOT_COM = joined(
  /(?<=[\p{L}\p{N}]) ?(?:\bdot\b|\.) ?/u,
  /(?=(?:com|net|org|io|xyz|co|me|app|ai|dev|info|link|site|ru|cn)\b)/u,
)

/** Undoes what people write so that a link is none: `hxxp`, `[.]`, `(dot)`, `name dot com`. */
function rearmed(folded: string): string {
  return folded
    .replaceAll(/\bh(?:xx|tt|\*\*|__)ps?\b/gi, (scheme) => (/s$/i.test(scheme) ? 'https' : 'http'))
    .replaceAll(/\[:\]/g, ':')
    .replaceAll(/\s?[[({<]\s?(?:\.|dot|punkt|point)\s?[\])}>]\s?/gi, '.')
    .replaceAll(/\s?[[({<]\s?(?:@|at)\s?[\])}>]\s?/gi, '@')
    .replaceAll(/\s?[[({<]\s?(?:\/|slash)\s?[\])}>]\s?/gi, '/')
    .replaceAll(DOT_COM, '.')
}

/** One pattern of parts, each of which fits on its line. */
function joined(...parts: readonly RegExp[]): RegExp {
  return new RegExp(parts.map(({ source }) => source).join(''), 'giu')
}

/** Without what a sentence puts behind a link. */
const trimmed = (found: string): string => found.replace(/[)\]}.,;:!?'"’”…»]+$/u, '')

function unique(destinations: readonly Destination[]): Destination[] {
  const byKey = new Map(destinations.map((one) => [`${one.kind} ${one.canonical}`, one]))
  return [...byKey.values()]
}

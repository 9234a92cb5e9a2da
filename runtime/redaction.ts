import { SECRET_NAMES } from '@chimera/contracts/config'

const CENSORED = '[redacted]'

/** Fields that are censored whole, at the top of a log line and one level below. */
const SECRET_FIELDS = [
  'authorization',
  'cookie',
  'password',
  'secret',
  'token',
  'access_token',
  'refresh_token',
  'api_key',
  'apiKey',
  'private_key',
  'privateKey',
  'mnemonic',
  'jwk',
  'jws',
  'grant_jws',
]

export const REDACT_PATHS: readonly string[] = SECRET_FIELDS.flatMap((field) => [
  field,
  `*.${field}`,
  `*.*.${field}`,
])

/** What a secret looks like wherever it stands, in a serialised line. Each keeps JSON valid. */
const SECRET_PATTERNS: readonly (readonly [RegExp, string])[] = [
  [/\bbearer\s+[\w.~+/=-]{6,}/gi, `Bearer ${CENSORED}`],
  [/\bsk-[\w-]{12,}/g, CENSORED],
  // A JWS or JWT: three parts, the first being `{"` in base64url.
  [/\beyJ[\w-]{6,}\.[\w-]+\.[\w-]*/g, CENSORED],
  // The private member of a JWK, also inside a string that is JSON itself.
  [/(\\*"d\\*"\s*:\s*\\*")[\w-]{16,}/g, `$1${CENSORED}`],
  // A private key of an EVM account; a transaction's hash looks the same and is lost with it.
  [/\b0x[0-9a-fA-F]{64}\b/g, CENSORED],
  // user:password@ of a URL.
  [/(:\/\/[^\s:/@"\\]{0,128}:)[^\s/@"\\]{1,512}@/g, `$1${CENSORED}@`],
]

/**
 * C0 is escaped by JSON itself; DEL, C1, line separators and the marks that turn text around are
 * not.
 */
const CONTROL = /[\u007F-\u009F\u200B-\u200F\u2028-\u202E\u2060-\u206F\uFEFF]/g

/**
 * Cleans one serialised JSON line: secrets by their value and by their look become `[redacted]`,
 * and control characters that came in with outside text are escaped, so that no reader's terminal
 * obeys them. The line stays valid JSON.
 */
export function lineCleaner(secrets: readonly string[]): (line: string) => string {
  const escaped = secrets.map((secret) => JSON.stringify(secret).slice(1, -1))
  return (line) => {
    let clean = line
    for (const secret of escaped) clean = clean.replaceAll(secret, CENSORED)
    for (const [pattern, censored] of SECRET_PATTERNS) clean = clean.replace(pattern, censored)
    return clean.replace(CONTROL, escapeCharacter)
  }
}

/** Shorter values would censor words that have nothing to do with them. */
const MIN_SECRET_LENGTH = 8

/** The values of a configuration that must never be printed. A path of a socket is none. */
export function secretsOf(config: unknown): string[] {
  if (typeof config !== 'object' || config === null) return []
  return Object.entries(config).flatMap(([name, value]: [string, unknown]) =>
    SECRET_NAMES.includes(name) &&
    typeof value === 'string' &&
    value.length >= MIN_SECRET_LENGTH &&
    !value.startsWith('/')
      ? [value]
      : [],
  )
}

function escapeCharacter(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`
}

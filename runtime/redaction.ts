import { SECRET_NAMES } from '@chimera/contracts/config'

const CENSORED = '[redacted]'

/** Fields that are censored whole, at the top of a log line and two levels below. */
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

const IS_SECRET: ReadonlySet<string> = new Set(SECRET_FIELDS)

/** Levels of a log line below its top at which a telling name is looked for. */
const LEVELS_BELOW = 2

/**
 * The same value with every secret field censored, at its top and `below` levels further down; what
 * holds none is not copied. A walk of its own: pino's paths with wildcards are tried one by one on
 * every field of every line, which took longer than all else about it.
 */
export function censorFields(
  fields: Readonly<Record<string, unknown>>,
  below: number = LEVELS_BELOW,
): Record<string, unknown> {
  let copy: Record<string, unknown> | undefined
  for (const [key, item] of Object.entries(fields)) {
    const kept = IS_SECRET.has(key) ? CENSORED : below === 0 ? item : censorValue(item, below - 1)
    if (kept === item) continue
    copy ??= { ...fields }
    copy[key] = kept
  }
  return copy ?? fields
}

/** What has a form of its own (a date, an error that is serialised later) keeps it. */
function censorValue(value: unknown, below: number): unknown {
  if (!isRecord(value) || value instanceof Error || typeof value['toJSON'] === 'function') {
    return value
  }
  if (!Array.isArray(value)) return censorFields(value, below)
  return below === 0 ? value : value.map((item: unknown) => censorValue(item, below - 1))
}

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null

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

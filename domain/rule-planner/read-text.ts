import { TerminalError } from '@chimera/contracts/errors'
import { PostId, TaskPayload } from '@chimera/contracts/task-payload'

import { slotId } from '../slots.ts'
import { MAX_TASKS } from '../task-graph.ts'
import { checkAmount } from './amount.ts'
import { intentOf, isNoopCount, noops, SLOT, type Intent } from './intent.ts'
import { fromDefault, fromText, type Span } from './origin.ts'

/**
 * What a rule is given: the whole text and the span behind its keyword, without surrounding space.
 * It answers with a sentence when its words are not what its form asks for.
 */
type Rule = {
  /** For people: how to say it. */
  readonly form: string
  /** Bounded and linear: goals come from strangers, too. */
  readonly keyword: RegExp
  readonly read: (text: string, span: Span) => Intent | string
}

/** The whole grammar. Keywords are read in any case; what follows is kept verbatim. */
const RULES: readonly Rule[] = [
  { form: 'publish a tweet: <text>', keyword: /^publish\s+a\s+tweet\s*:/i, read: readTweet },
  { form: 'reply to <id>: <text>', keyword: /^reply\s+to\s/i, read: readReply },
  { form: 'pay <amount> <asset> to <name>', keyword: /^pay\s/i, read: readPayment },
  { form: 'trade scan <symbols>', keyword: /^trade\s+scan\s/i, read: readScan },
  { form: 'research: <question>', keyword: /^research\s*:/i, read: readQuestion },
  { form: 'generic: <text>', keyword: /^generic\s*:/i, read: readGeneric },
  { form: 'noop <n>', keyword: /^noop\s/i, read: readNoop },
]

/** How each goal in words is said; for messages and for `--help`. */
export const TEXT_FORMS: readonly string[] = RULES.map(({ form }) => form)

/**
 * Reads a goal in words. Throws TerminalError(GOAL_NOT_UNDERSTOOD) that says what is understood,
 * or what is wrong with the form that the words came nearest to.
 */
export function readText(text: string): Intent {
  const [from, to] = trimmed(text, [0, text.length])
  const words = text.slice(from, to)
  for (const { form, keyword, read } of RULES) {
    const found = keyword.exec(words)
    if (found === null) continue
    const intent = read(text, trimmed(text, [from + found[0].length, to]))
    if (typeof intent !== 'string') return intent
    throw notUnderstood(`"${form}" was read, but ${intent}.`)
  }
  throw notUnderstood(`The rule planner understands: ${TEXT_FORMS.join('; ')}.`)
}

function readTweet(text: string, span: Span): Intent | string {
  const tweet = valueAt(text, span)
  if (tweet === '') return 'the text is empty'
  return intentOf({
    kind: 'tweet.post',
    slot: SLOT.publish,
    text: tweet,
    media_ids: [],
    is_ai_labeled: true,
    origin: {
      '/text': fromText(span),
      '/media_ids': fromDefault('no-media'),
      '/is_ai_labeled': fromDefault('ai-labeled'),
    },
  })
}

function readReply(text: string, span: Span): Intent | string {
  const colon = text.indexOf(':', span[0])
  if (colon === -1 || colon >= span[1]) return 'there is no colon after the post id'
  const idSpan = trimmed(text, [span[0], colon])
  const id = valueAt(text, idSpan)
  if (!PostId.safeParse(id).success) return 'the post id is not 1 to 19 digits'
  const textSpan = trimmed(text, [colon + 1, span[1]])
  const reply = valueAt(text, textSpan)
  if (reply === '') return 'the text is empty'
  return intentOf({
    kind: 'tweet.reply',
    slot: slotId('reply', id),
    in_reply_to: id,
    text: reply,
    is_ai_labeled: true,
    origin: {
      '/in_reply_to': fromText(idSpan),
      '/text': fromText(textSpan),
      '/is_ai_labeled': fromDefault('ai-labeled'),
    },
  })
}

/** Four parts; the name may hold spaces, because address books do. */
const PAYMENT = /^(\S+)\s+(\S+)\s+to\s+(\S[^\r\n]*)$/d

function readPayment(text: string, span: Span): Intent | string {
  const [, amountAt, assetAt, nameAt] = spansOf(PAYMENT.exec(valueAt(text, span)), span[0])
  if (!amountAt || !assetAt || !nameAt) return 'it is not an amount, an asset, "to" and a name'
  const amount = valueAt(text, amountAt)
  const fault = checkAmount(amount)
  if (fault !== undefined) return `the amount ${fault}`
  const payload = TaskPayload.safeParse({
    kind: 'wallet.transfer',
    slot: SLOT.pay,
    amount,
    asset: valueAt(text, assetAt),
    to: valueAt(text, nameAt),
    origin: {
      '/amount': fromText(amountAt),
      '/asset': fromText(assetAt),
      '/to': fromText(nameAt),
    },
  })
  if (payload.success) return intentOf(payload.data)
  const isAsset = payload.error.issues.some(({ path }) => path[0] === 'asset')
  return isAsset
    ? 'the asset is not 2 to 12 capital letters and digits, such as USDC'
    : 'the name is longer than 128 characters'
}

function readScan(text: string, span: Span): Intent | string {
  const symbols = valueAt(text, span)
    .split(/[\s,]+/)
    .filter((symbol) => symbol !== '')
    // A symbol is looked up, never spent: its case carries nothing.
    .map((symbol) => symbol.toUpperCase())
  const payload = TaskPayload.safeParse({ kind: 'trade.scan', symbols })
  if (payload.success) return intentOf(payload.data)
  return 'the symbols are not 1 to 32 words of 1 to 12 letters and digits'
}

function readQuestion(text: string, span: Span): Intent | string {
  const question = valueAt(text, span)
  if (question === '') return 'the question is empty'
  return intentOf({ kind: 'research.question', question })
}

function readGeneric(text: string, span: Span): Intent | string {
  const words = valueAt(text, span)
  if (words === '') return 'the text is empty'
  return intentOf({ kind: 'generic', text: words })
}

function readNoop(text: string, span: Span): Intent | string {
  const digits = valueAt(text, span)
  const count = /^\d{1,6}$/.test(digits) ? Number(digits) : Number.NaN
  return isNoopCount(count) ? noops(count) : `n is not a whole number from 1 to ${MAX_TASKS}`
}

/** Where the groups of a match are in the whole text. */
function spansOf(match: RegExpExecArray | null, offset: number): (Span | undefined)[] {
  const groups: (readonly number[] | undefined)[] = match?.indices ?? []
  return groups.map((group) => {
    const [from, to] = group ?? []
    return from === undefined || to === undefined ? undefined : [offset + from, offset + to]
  })
}

const valueAt = (text: string, [from, to]: Span): string => text.slice(from, to)

/** The span without the white space at its ends; empty spans stand where they end. */
function trimmed(text: string, [from, to]: Span): Span {
  const words = text.slice(from, to)
  const start = to - words.trimStart().length
  return [start, start + words.trim().length]
}

const notUnderstood = (message: string) => new TerminalError('GOAL_NOT_UNDERSTOOD', message)

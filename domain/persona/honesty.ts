import { foldText } from '../judging/text/fold-text.ts'

/** Stands above every persona, and none can take it away (SRS NFR 2.1). */
export const HONESTY_DIRECTIVE =
  'When somebody asks whether you are a bot, a machine or a human, say truthfully that you are ' +
  'an AI. Never say or hint that you are human. This stands above everything else you are told.'

const MACHINE =
  '(?:bot|robot|ai|a\\.i\\.|machine|chatbot|language model|llm|computer program|automated account)'
const SELF = "(?:i am|i'm|im)"
const SURELY = '(?:(?:just|only|really|actually|definitely|certainly) )?'
const HUMAN = '(?:human being|human|person of flesh|flesh and blood)'
const ASKED = `(?:${MACHINE}|human|person)`

/** A pattern of parts with one blank between them. */
const phrase = (...parts: string[]): RegExp => new RegExp(String.raw`\b${parts.join(' ')}\b`)

/** Says of itself that it is no machine, or that it is a human. */
const DENIALS: readonly RegExp[] = [
  phrase(`(?:${SELF}|we are|we're|this is)`, `${SURELY}not`, `(?:an? )?${MACHINE}`),
  phrase(SELF, `${SURELY}(?:an? )?(?:(?:real|actual|normal) )?${HUMAN}`),
  phrase(SELF, `${SURELY}an?`, '(?:real|actual)', '(?:person|man|woman|guy|girl)'),
  phrase(
    '(?:this account|this post|this tweet|everything here)',
    'is (?:run|written|made) by',
    '(?:an? )?(?:real )?(?:human|person)',
  ),
  /\bno (?:bots?|ai|machines?) (?:here|involved|was used)\b/,
  /\b(?:real )?human here\b/,
]

/** Asks whether it speaks with a machine. */
const QUESTIONS: readonly RegExp[] = [
  phrase('(?:are|r) (?:you|u|ya)', `${SURELY}(?:an? )?(?:(?:real|actual) )?(?:${ASKED}|real)`),
  phrase('is (?:this|it|that)', `${SURELY}(?:an? )?(?:real )?${ASKED}`),
  phrase(MACHINE, 'or', '(?:an? )?(?:human|person)'),
  phrase('human or', `(?:an? )?${MACHINE}`),
  phrase(
    'am i',
    '(?:talking|speaking|writing|chatting) (?:to|with)',
    `(?:an? )?(?:real )?${ASKED}`,
  ),
  phrase("(?:you are|you're|ur)", `(?:an? )?${MACHINE},?`, "(?:right|aren't you|no)"),
]

/** Says that a machine speaks. */
const DISCLOSURE = new RegExp(
  String.raw`\b(?:${SELF}|we are|this is|this account is|yes)\b[^.!?\n]{0,60}` +
    String.raw`(?<!not )(?<!not an? )\b(?:${MACHINE}|automated|artificial)\b`,
)

const spoken = (text: string): string =>
  foldText(text).toLowerCase().replaceAll(/[‘’ʼ]/g, "'").replaceAll(/\s+/g, ' ')

/** Whether a text says that a human speaks, where a machine does. */
export const deniesMachine = (text: string): boolean => {
  const words = spoken(text)
  return DENIALS.some((pattern) => pattern.test(words))
}

/** Whether a text asks if a machine speaks. */
export const asksForMachine = (text: string): boolean => {
  const words = spoken(text)
  return QUESTIONS.some((pattern) => pattern.test(words))
}

/** Whether a text says truthfully that a machine speaks. */
export const admitsMachine = (text: string): boolean =>
  DISCLOSURE.test(spoken(text)) && !deniesMachine(text)

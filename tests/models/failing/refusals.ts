import type { Fault } from '../faults.ts'

/** Whose protocol is spoken: OpenAI's, as Ollama does, or Anthropic's. */
export type Dialect = 'openai' | 'anthropic'

/** A refusal, as the providers word it. */
type Refusal = Readonly<{ status: number; body: object }>

type Told = Readonly<{ status: number; message: string; code?: string; type?: string }>

const OPENAI = {
  '401': { status: 401, message: 'Incorrect API key provided.', code: 'invalid_api_key' },
  '402': { status: 402, message: 'Your credit balance is too low.' },
  '429': { status: 429, message: 'told to fail' },
  '503': { status: 503, message: 'told to fail' },
  usage_limit: { status: 429, message: 'Pay first.', code: 'insufficient_quota' },
  too_long: {
    status: 400,
    message: "This model's maximum context length is 8192 tokens.",
    code: 'context_length_exceeded',
  },
  filtered: { status: 400, message: 'Refused.', code: 'content_filter' },
} as const satisfies Record<string, Told>

/** Its words for an account that is empty and for a limit of one's own are a 400. */
const ANTHROPIC = {
  '401': { status: 401, message: 'invalid x-api-key', type: 'authentication_error' },
  '402': {
    status: 400,
    message:
      'Your credit balance is too low to access the Anthropic API. ' +
      'Please go to Plans & Billing to upgrade or purchase credits.',
    type: 'invalid_request_error',
  },
  '429': { status: 429, message: 'told to fail', type: 'rate_limit_error' },
  '503': { status: 529, message: 'Overloaded', type: 'overloaded_error' },
  usage_limit: {
    status: 400,
    message: 'You have reached your specified API usage limits.',
    type: 'invalid_request_error',
  },
  too_long: {
    status: 400,
    message: 'prompt is too long: 213462 tokens > 200000 maximum',
    type: 'invalid_request_error',
  },
  filtered: {
    status: 400,
    message: 'Output blocked by content filtering policy',
    type: 'invalid_request_error',
  },
} as const satisfies Record<keyof typeof OPENAI, Told>

/** A fault that is a refusal. */
export type Refused = keyof typeof OPENAI

export const isRefusal = (fault: Fault): fault is Refused => fault in OPENAI

/** A refusal in the words of whose protocol it is. */
export function refusalOf(fault: Refused, dialect: Dialect): Refusal {
  const { status, ...error } = dialect === 'anthropic' ? ANTHROPIC[fault] : OPENAI[fault]
  return { status, body: dialect === 'anthropic' ? { type: 'error', error } : { error } }
}

/** The same words as the first event of a stream that began as if all were well. */
export function refusalEvent(fault: Refused, dialect: Dialect): string {
  const data = `data: ${JSON.stringify(refusalOf(fault, dialect).body)}\n\n`
  return dialect === 'anthropic' ? `event: error\n${data}` : data
}

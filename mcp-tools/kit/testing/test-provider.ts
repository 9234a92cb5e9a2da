import type { Facts } from '../provider/exchange.ts'
import type { SendOptions, SendOutcome } from '../provider/send-once.ts'

/** What the pretended provider does with the next request. */
export type Answer =
  | { kind: 'accept'; ref?: string }
  /** Taken, with its end still open. */
  | { kind: 'take'; facts?: Facts }
  | { kind: 'refuse'; retryAfterMs?: number; code?: 'UPSTREAM_RATE_LIMITED' | 'UPSTREAM_REJECTED' }
  | { kind: 'lose' }
  | { kind: 'unreachable' }
  /** Held until `release` is called. */
  | { kind: 'hold'; next: Answer }

/** A provider that is a list of answers, and of what reached it. */
export class TestProvider {
  /** Every request that reached the provider, in order. */
  readonly sent: string[] = []
  readonly answers: Answer[] = []
  #release: (() => void) | undefined

  /** Lets the request go that the provider holds. */
  release(): void {
    this.#release?.()
  }

  async send(options: SendOptions): Promise<SendOutcome> {
    const refusal = options.maySend()
    if (refusal !== undefined) return { kind: 'not_sent', refusal }
    const answer = this.answers.shift() ?? { kind: 'accept' }
    if (answer.kind === 'unreachable') {
      const detail = 'refused before anything was written.'
      return { kind: 'not_sent', refusal: { code: 'UPSTREAM_UNAVAILABLE', detail } }
    }
    options.onSending?.()
    this.sent.push(options.request.body.toString('utf8'))
    return this.#answer(answer)
  }

  async #answer(answer: Answer): Promise<SendOutcome> {
    if (answer.kind === 'hold') {
      const { promise, resolve } = Promise.withResolvers<void>()
      this.#release = resolve
      await promise
      return this.#answer(answer.next)
    }
    if (answer.kind === 'lose') return { kind: 'unknown', detail: 'cut' }
    const body = Buffer.from(JSON.stringify(answer))
    return { kind: 'answered', response: { status: 200, headers: {}, body } }
  }
}

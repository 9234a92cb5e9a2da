import { z } from 'zod'

import type { Decision } from './decide-exchange.ts'
import { endEarly } from './decide-exchange.ts'
import type { ExchangeParts } from './exchange-parts.ts'
import { BEFORE } from './faults.ts'
import { answerAccount } from './info/account-answers.ts'
import { answerMarket } from './info/market-answers.ts'
import { orderAnswers } from './info/order-answers.ts'
import { weightOfQuestion } from './request-weights.ts'

const Question = z.looseObject({ type: z.string().max(50) })

/**
 * One question to `/info`, answered from the state as it was `lagMs` ago. It says `null` to a
 * question that it does not know, and answers for the account that is named, never for an agent.
 */
export function answerInfo(body: unknown, parts: ExchangeParts): Decision {
  const early = parts.faults.take(BEFORE, 'info', JSON.stringify(body ?? null))
  if (early !== undefined) return { account: 'info', outcome: 'refused', ...endEarly(early.fault) }
  const question = Question.safeParse(body)
  if (!question.success)
    return refuse(422, 'Failed to deserialize the JSON body into the target type')
  const { type } = question.data
  if (!parts.weights.take(weightOfQuestion(type), parts.settings.weightLimit)) {
    return refuse(429, null)
  }
  const asOfMs = parts.now() - parts.settings.lagMs
  const answer = [answerMarket, orderAnswers, answerAccount]
    .values()
    .map((answering) => answering(question.data, { parts, asOfMs }))
    .find((each) => each !== undefined)
  if (answer === undefined)
    return refuse(422, 'Failed to deserialize the JSON body into the target type')
  return {
    account: 'info',
    outcome: 'accepted',
    answer: { status: 200, body: answer },
    delivery: 'answer',
  }
}

function refuse(status: number, body: unknown): Decision {
  return { account: 'info', outcome: 'refused', answer: { status, body }, delivery: 'answer' }
}

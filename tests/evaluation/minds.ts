/** Models that know the goals of the evaluation, and get them right, or wrong on purpose. */
import type { ContentCase, GoalSet, JudgingCase, PlanCase } from '#evaluation/goal-set'
import type { Wanted } from '#evaluation/grading/wanted'

import { type ChatRequest, type Mind, textsOf } from '../models/chat.ts'

/** Gives for every goal of the set what the set says is right. */
export const knowing = (set: GoalSet): Mind => byGoal(set, planOf, turnOf, opinionOf)

/** Answers always in the form, never what is wanted: it looks into all things, and likes them. */
export const wrong = (set: GoalSet): Mind =>
  byGoal(
    set,
    ({ goal: instruction }) => ({
      tasks: [{ name: 't1', kind: 'agent.research', after: [], quotes: { instruction } }],
    }),
    () => turn({ answer: 'Nothing.' }),
    () => opinion('approve'),
  )

/** Breaks off every answer, and gives that of another mind when it is told so. */
export const hasty =
  (mind: Mind): Mind =>
  (request) =>
    request.messages.some(({ role }) => role === 'assistant') ? mind(request) : { text: '{"tas' }

function byGoal(
  set: GoalSet,
  plan: (one: PlanCase) => object,
  content: (one: ContentCase, hasRead: boolean) => object,
  judging: (one: JudgingCase) => object,
): Mind {
  return (request) => {
    const words = quotedIn(request)
    const wanted = JSON.stringify(request['response_format'] ?? '')
    const judged = set.judging.find((one) => wanted.includes('"faults"') && isAbout(one, request))
    if (judged !== undefined) return { text: JSON.stringify(judging(judged)) }
    const isPlan = wanted.includes('"tasks"')
    const one = set.plans.find(({ goal }) => words.includes(goal))
    if (isPlan && one !== undefined) return { text: JSON.stringify(plan(one)) }
    const work = set.content.find(({ task }) => words.includes(task.quotes['instruction'] ?? '?'))
    const hasRead = textsOf(request).some((text) => text.includes('<data source="tool">'))
    return { text: JSON.stringify(work === undefined ? {} : content(work, hasRead)) }
  }
}

/** Whether a prompt quotes what is proposed there. */
const isAbout = ({ effects }: JudgingCase, request: ChatRequest): boolean => {
  const work = JSON.stringify(effects.map(({ tool, args }) => ({ tool, args })))
  return textsOf(request).some((text) => text.includes(work))
}

/** Where no rule can know better the model does; everything else it leaves to the rules. */
const opinionOf = ({ right }: JudgingCase): object =>
  opinion(right.least === undefined ? 'approve' : 'reject')

const opinion = (says: 'approve' | 'reject'): object => ({
  says,
  quality: says === 'approve' ? 1 : 0.1,
  faults: says === 'approve' ? [] : ['not_what_was_asked'],
  reason: 'As it is.',
})

/** The strings that a prompt of the house quotes. */
function quotedIn(request: ChatRequest): unknown[] {
  const text = textsOf(request).join('\n')
  return [...text.matchAll(/^<data source="goal">\n(.*)\n<\/data>$/gmu)].map(([, json = '']) => {
    const value: unknown = JSON.parse(json)
    return value
  })
}

/** The shortest words of the goal that say what is wanted. */
const words = (wanted: Wanted): string =>
  typeof wanted === 'string' ? wanted : (wanted.says[0] ?? wanted.any?.[0] ?? '')

/** A sentence that says all that is wanted. */
const sentence = (wanted: Wanted): string =>
  typeof wanted === 'string'
    ? wanted
    : `This is ${[...wanted.says, ...(wanted.any ?? []).slice(0, 1)].join(' and ')}`

function planOf({ right }: PlanCase): object {
  const tasks = right.tasks.map((forms, at) => {
    // A form that no model may plan is that of the rules.
    const form = forms.find(({ kind }) => kind !== 'research.question') ?? forms[0]
    const quotes = Object.entries(form?.with ?? {}).map(([name, wanted]) => [name, words(wanted)])
    return {
      name: `t${at}`,
      kind: form?.kind,
      after: (form?.after ?? []).map((before) => `t${before}`),
      quotes: Object.fromEntries(quotes) as unknown,
    }
  })
  return { tasks }
}

function turnOf({ right, world, record }: ContentCase, hasRead: boolean): object {
  const tools = [...Object.keys(world), ...(record.length > 0 ? ['search_record'] : [])]
  if (!hasRead && tools.length > 0) {
    const args = { question: 'backups, office hours', tweet_id: '1', symbol: 'BTC' }
    return turn({ reads: tools.map((tool) => ({ tool, args })) })
  }
  const effects = Object.entries(right.effects).map(([slot, { tool, args }]) => ({
    slot,
    tool,
    args: Object.fromEntries(
      Object.entries(args).map(([name, wanted]) => [name, sentence(wanted)]),
    ) as unknown,
  }))
  const answer = right.answer === undefined ? 'Done.' : sentence(right.answer)
  return turn({ effects, answer })
}

const turn = (of: { reads?: object[]; effects?: object[]; answer?: string }): object => ({
  reads: [],
  effects: [],
  answer: '',
  confidence: 0.95,
  ...of,
})

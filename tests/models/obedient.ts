import { z } from 'zod'

import { type ChatRequest, type Mind, textsOf } from './chat.ts'
import { type Command, commandsIn } from './commands.ts'

/**
 * The worst model that there can be: it does whatever any text that it reads tells it to, the
 * quoted ones like its own orders, and the last one wins. It knows the answers that the swarm asks
 * for by their schemas: a plan, a turn of work, and an opinion.
 */
export const obedient: Mind = (request) => {
  const wanted = JSON.stringify(request['response_format'] ?? '')
  if (wanted.includes('"tasks"')) return { text: JSON.stringify(planOf(request)) }
  if (wanted.includes('"faults"')) return { text: JSON.stringify(opinionOf(request)) }
  if (wanted.includes('"effects"')) return { text: JSON.stringify(turnOf(request)) }
  return { text: textsOf(request).join('\n') }
}

/** A goal of several sentences: what is said first is done first. */
const SENTENCE = /\s*(?:;|\n|\.\s+(?=[A-Z])|\band then\b|,\s*then\b)\s*/u

function planOf(request: ChatRequest) {
  const [goal = ''] = quoted(request)
    .filter(({ value }) => typeof value === 'string')
    .map(({ value }) => String(value))
  const sentences = goal.split(SENTENCE).filter((sentence) => sentence.trim() !== '')
  const tasks = sentences.map((sentence, index) => ({
    name: `t${index + 1}`,
    ...taskOf(sentence.trim()),
    after: index === 0 ? [] : [`t${index}`],
  }))
  return { tasks }
}

function taskOf(sentence: string): { kind: string; quotes: Record<string, string> } {
  const last = commandsIn(sentence).findLast((command) => command.do === 'effect')
  const instruction = sentence.replace(/\.$/u, '')
  if (last?.tool === 'post_tweet') return { kind: 'agent.write', quotes: { instruction } }
  const [, id] = /\b(?:post|tweet|reply to) (\d{1,19})/u.exec(sentence) ?? []
  if (last?.tool === 'reply_tweet' || (/\breply\b/u.test(sentence) && id !== undefined)) {
    return { kind: 'agent.engage', quotes: { in_reply_to: id ?? '', instruction } }
  }
  if (last !== undefined && last.tool.startsWith('transfer_')) {
    const { amount, asset, to } = z.record(z.string(), z.string()).parse(last.args)
    return {
      kind: 'wallet.transfer',
      quotes: { amount: amount ?? '', asset: asset ?? '', to: to ?? '' },
    }
  }
  return { kind: 'agent.research', quotes: { instruction } }
}

function turnOf(request: ChatRequest) {
  const parts = quoted(request)
  const [, listed = '[]'] = /^Slots: (\[.*\])$/mu.exec(textsOf(request).join('\n')) ?? []
  const slots = Slots.parse(JSON.parse(listed))
  const commands = parts.flatMap(({ value }) => strings(value).flatMap((text) => commandsIn(text)))
  const reads = commands
    .filter(({ do: what }) => what === 'read')
    .map(({ tool, args }) => ({ tool, args }))
  const isRead = parts.some(({ source }) => source === 'tool')
  const said = { answer: 'As I was told.', confidence: 1 }
  if (!isRead && reads.length > 0) return { reads: reads.slice(0, 4), effects: [], ...said }
  return { reads: [], effects: effectsOf(commands, slots), ...said }
}

const Slots = z.array(z.looseObject({ slot: z.string(), tool: z.string() }))
type Slot = Readonly<{ slot: string; tool: string }>

/** `score it 0.2`, `approve this`: what is judged says how it is judged. */
const OPINIONS =
  /\b(?:(approve|reject) (?:this|it)|ask a person|score (?:this|it) ([01](?:\.\d+)?))/giu

function opinionOf(request: ChatRequest) {
  const told = quoted(request)
    .flatMap(({ value }) => strings(value))
    .flatMap((text) => [...text.matchAll(OPINIONS)])
  const word = told.findLast(([, , score]) => score === undefined)
  const score = told.findLast(([, , said]) => said !== undefined)?.[2] ?? '1'
  const says = word === undefined ? 'approve' : (word[1]?.toLowerCase() ?? 'ask_person')
  const faults = says === 'approve' ? [] : ['not_what_was_asked']
  return { says, quality: Number(score), faults, reason: 'As I was told.' }
}

/** One effect a slot: whoever spoke last. What has no slot gets one that looks like the others. */
function effectsOf(commands: readonly Command[], slots: readonly Slot[]) {
  const bySlot = new Map<string, { slot: string; tool: string; args: object }>()
  for (const { do: what, tool, args } of commands) {
    if (what !== 'effect') continue
    const slot = slots.find((one) => one.tool === tool)?.slot ?? slotFor(tool, args)
    bySlot.set(slot, { slot, tool, args })
  }
  return [...bySlot.values()].slice(-4)
}

function slotFor(tool: string, args: Readonly<Record<string, unknown>>): string {
  if (tool === 'post_tweet') return 'publish'
  if (tool === 'reply_tweet') return `reply:${String(args['in_reply_to'])}`
  return tool === 'place_order' ? `order:${String(args['symbol'])}` : 'pay:1'
}

/** The parts of a prompt of ours, read as whoever quotes them meant them not to be. */
function quoted(request: ChatRequest) {
  const text = textsOf(request).join('\n')
  const pattern = /^(.*)\n<data source="(\w+)">\n(.*)\n<\/data>$/gmu
  return [...text.matchAll(pattern)].map(([, title = '', source = '', json = 'null']) => {
    const value: unknown = JSON.parse(json)
    return { title, source, value }
  })
}

function strings(value: unknown): string[] {
  if (typeof value === 'string') return [value]
  if (typeof value !== 'object' || value === null) return []
  return Object.values(value).flatMap((item) => strings(item))
}

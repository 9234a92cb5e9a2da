/**
 * The tweet server in a composition of the tests: the product's parts, but for the guards that the
 * arguments name (`without=claim,fence`; `tool-without.ts` has them all), and with a pause between
 * the claim and the write (`pause=500`). What the product itself can be told is configuration; this
 * is not.
 */
import { setTimeout as sleep } from 'node:timers/promises'

import type { Ledger } from '@chimera/mcp-kit/ledger/ledger'
import { openToolProcess, type ToolKind } from '@chimera/mcp-kit/open-tool-process'
import { RULES, type Rules } from '@chimera/mcp-kit/protocol/rules'
import { tweetKind } from '@chimera/mcp-tweet/tweet-kind'
import { runProcess } from '@chimera/runtime/run-process'

import { WITHOUT } from './tool-without.ts'

const argument = (name: string): string =>
  process.argv.find((each) => each.startsWith(`${name}=`))?.slice(name.length + 1) ?? ''
const names = argument('without').split(',').filter(Boolean)
const pauseMs = Number(argument('pause'))

await runProcess({
  name: 'tweet',
  sections: ['toolServer', 'tweet'],
  start: async (context) => openToolProcess(context, compose(tweetKind(context.config, false))),
})

function compose(kind: ToolKind): ToolKind {
  const held: { ledger?: Ledger } = {}
  const ledger = (): Ledger => {
    if (held.ledger === undefined) throw new Error('The ledger is not open yet.')
    return held.ledger
  }
  const composed: ToolKind & { rules: Rules } = {
    ...kind,
    rules: { ...RULES, send: sendAfterPause },
    tools: (opened) => {
      held.ledger = opened
      return kind.tools(opened)
    },
  }
  for (const name of names) {
    const change = WITHOUT[name]
    if (change === undefined) throw new Error(`There is no guard "${name}" to take out.`)
    Object.assign(composed, change(composed, ledger))
  }
  return composed
}

async function sendAfterPause(...given: Parameters<Rules['send']>): ReturnType<Rules['send']> {
  await sleep(pauseMs)
  return RULES.send(...given)
}

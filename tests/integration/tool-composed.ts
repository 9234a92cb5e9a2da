/**
 * The tweet server in a composition of the tests: the product's parts, but for the guards that the
 * arguments name (`without=claim,fence,second-look,lock,boot`), and with a pause between the claim
 * and the write (`pause=500`). What the product itself can be told is configuration; this is not.
 */
import { mkdirSync } from 'node:fs'
import { dirname } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { setTimeout as sleep } from 'node:timers/promises'

import { openToolProcess } from '@chimera/mcp-kit/open-tool-process'
import { RULES, type Rules } from '@chimera/mcp-kit/protocol/rules'
import { imaginedEntry } from '@chimera/mcp-kit/testing/imagined-entry'
import { tweetKind } from '@chimera/mcp-tweet/tweet-kind'
import { runProcess } from '@chimera/runtime/run-process'

const argument = (name: string): string =>
  process.argv.find((each) => each.startsWith(`${name}=`))?.slice(name.length + 1) ?? ''
const without = new Set(argument('without').split(','))
const pauseMs = Number(argument('pause'))

await runProcess({
  name: 'tweet',
  sections: ['toolServer', 'tweet'],
  start: async (context) => {
    return openToolProcess(context, {
      ...tweetKind(context.config, false),
      rules: composedRules(),
      ...(without.has('lock') ? { openDatabase: openShared } : {}),
    })
  },
})

function composedRules(): Rules {
  let rules: Rules = {
    ...RULES,
    send: async (options) => {
      await sleep(pauseMs)
      return RULES.send(options)
    },
  }
  if (without.has('claim')) rules = withoutClaim(rules)
  if (without.has('fence')) {
    const claimChecks = RULES.claimChecks.filter((check) => check.name !== 'isNotFenced')
    rules = { ...rules, claimChecks, maySend: () => undefined }
  }
  if (without.has('second-look')) rules = { ...rules, maySend: () => undefined }
  if (without.has('boot')) {
    rules = { ...rules, behindOf: () => undefined, provesAbsence: () => true }
  }
  return rules
}

/** Acts first and writes nothing down: what most tools do. */
function withoutClaim(rules: Rules): Rules {
  return {
    ...rules,
    lookUp: () => ({ kind: 'new', toClose: [] }),
    claim: (_ledger, about, claim) => imaginedEntry(about, claim),
    settle: ({ entry }) => ({ ...entry, state: 'CONFIRMED' }),
  }
}

function openShared(path: string): DatabaseSync {
  mkdirSync(dirname(path), { recursive: true })
  const database = new DatabaseSync(path, { timeout: 5_000 })
  database.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL')
  return database
}

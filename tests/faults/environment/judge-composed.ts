/**
 * The Judge in a composition of the tests: the product's parts, on a record that it sees through a
 * lens. With `without=receipt-binding` a receipt speaks for whatever round of its slot is open;
 * with `without=adoption` what a ledger holds for a grant that the record does not know is not
 * taken over; with `without=slot` other words are another effect, whatever the slot has seen; with
 * `without=approval-expiry` a person's word never runs out.
 */
import { sha256 } from '@chimera/contracts/canonical'
import { ResultRing } from '@chimera/contracts/judging/rings'
import { MAX_GRANTED } from '@chimera/domain/judging/attempt'
import { openDatabase, type Statement } from '@chimera/infra/database/open-database'
import { openJudgeWords, type JudgeWords } from '@chimera/infra/signing/judge-words'
import { openReceiptKeys } from '@chimera/infra/signing/receipt-keys'
import { openConsumer } from '@chimera/infra/streams/consumer'
import { openRedis } from '@chimera/infra/streams/open-redis'
import { openPublisher } from '@chimera/infra/streams/publisher'
import { handleRings } from '@chimera/judge/handle-rings'
import { runProcess } from '@chimera/runtime/run-process'

import { type Lens, outliving, seenThrough, withoutApprovalCheck } from '../model/without.ts'

const boundToSlot = (statement: Statement): Statement => {
  if (statement.name !== 'load-effects-by-grant') return statement
  const asked = '($1::uuid[])[1]'
  const text = statement.text
    .replace(
      'e.round, e.grant_id',
      `(SELECT o.round FROM effects o WHERE o.grant_id = ${asked}) AS round, ${asked} AS grant_id`,
    )
    .replace(
      'WHERE e.grant_id = ANY($1::uuid[])',
      `WHERE e.effect_key IN (SELECT o.effect_key FROM effects o WHERE o.grant_id = ${asked})
        AND e.state IN ('GRANTED', 'UNKNOWN', 'NEEDS_HUMAN')`,
    )
  return { text, ...(statement.values === undefined ? {} : { values: statement.values }) }
}

const keyOf = (key: unknown, argsHash: unknown) => sha256(`${String(key)} ${String(argsHash)}`)

/** Where `insert-rounds` has the keys of the effects, and the hashes of their arguments. */
const [KEYS, HASHES] = [7, 14]

const keyedByWords = (statement: Statement): Statement => {
  if (statement.name !== 'insert-rounds') return statement
  const { values = [] } = statement
  const [keys, hashes] = [values[KEYS], values[HASHES]]
  if (!Array.isArray(keys) || !Array.isArray(hashes)) throw new Error('The rows have moved.')
  const keyed = keys.map((key, n) => keyOf(key, hashes[n]))
  return { ...statement, values: values.with(KEYS, keyed) }
}

const LENSES: Readonly<Record<string, Lens>> = {
  'without=receipt-binding': { ask: boundToSlot },
  'without=adoption': {
    change: ({ name }, row) => (name === 'load-held-effects' ? undefined : row),
  },
  'without=slot': {
    ask: keyedByWords,
    change: ({ name }, row) => (name === 'scene-rounds' ? undefined : row),
  },
}
const guard = process.argv.at(-1) ?? ''
const lens = LENSES[guard]

const isForEver = guard === 'without=approval-expiry'

const signedByWords = (words: JudgeWords): JudgeWords => ({
  ...words,
  grant: (claims) =>
    words.grant({ ...claims, effect_key: keyOf(claims.effect_key, claims.args_hash) }),
})

function wordsOf(words: JudgeWords): JudgeWords {
  if (guard === 'without=slot') return signedByWords(words)
  return isForEver ? outliving(words) : words
}

await runProcess({
  name: 'judge',
  sections: ['postgres', 'redis', 'roles', 'judge'],
  async start({ config, consumerName, log, stack, metrics, crash }) {
    const record = stack.use(openDatabase({ url: config.DATABASE_URL, name: 'judge', log }))
    const redis = stack.use(await openRedis({ url: config.REDIS_URL, name: 'judge', log }))
    const deps = {
      database: lens === undefined ? record : seenThrough(record, lens),
      publisher: openPublisher({ redis, source: 'judge' }),
      words: wordsOf(await openJudgeWords(config.JUDGE_KEY)),
      ...(isForEver ? { approvalRules: withoutApprovalCheck('isInTime') } : {}),
      receiptKeys: openReceiptKeys(config.RECEIPT_JWKS_FILE),
      log,
      actor: consumerName,
      maxGranted: MAX_GRANTED,
      // Tests say the same words again and again.
      repeatDays: 0,
      crash,
    }
    stack.use(
      openConsumer({
        url: config.REDIS_URL,
        name: 'judge-results',
        streams: ['chimera:results'],
        consumerName,
        log,
        leaseMs: config.LEASE_MS,
        metrics,
        parse: ({ payload }) => ResultRing.parse(payload),
        handle: async (batch) => {
          // The lens looks at one receipt at a time.
          for (const { value } of batch) await handleRings(deps, [value])
        },
        onDead: () => Promise.reject(new Error('No entry of these tests is dead.')),
      }),
    )
  },
})

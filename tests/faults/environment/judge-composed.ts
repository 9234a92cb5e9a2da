/**
 * The Judge in a composition of the tests: the product's parts, on a record that it sees through a
 * lens. With `without=receipt-binding` a receipt speaks for whatever round of its slot is open;
 * with `without=adoption` what a ledger holds for a grant that the record does not know is not
 * taken over; with `without=slot` other words are another effect, whatever the slot has seen; with
 * `without=approval-expiry` a person's word never runs out.
 */
import { ResultRing } from '@chimera/contracts/judging/rings'
import { MAX_GRANTED } from '@chimera/domain/judging/attempt'
import { openDatabase } from '@chimera/infra/database/open-database'
import { openJudgeWords, type JudgeWords } from '@chimera/infra/signing/judge-words'
import { openReceiptKeys } from '@chimera/infra/signing/receipt-keys'
import { openConsumer } from '@chimera/infra/streams/consumer'
import { openRedis } from '@chimera/infra/streams/open-redis'
import { openPublisher } from '@chimera/infra/streams/publisher'
import { handleRings } from '@chimera/judge/handle-rings'
import { runProcess } from '@chimera/runtime/run-process'

import {
  boundToSlot,
  type Lens,
  outliving,
  rekeyed,
  seenThrough,
  signedByWords,
  withoutApprovalCheck,
} from '../model/without.ts'

const LENSES: Readonly<Record<string, Lens>> = {
  'without=receipt-binding': boundToSlot,
  'without=adoption': {
    change: ({ name }, row) => (name === 'load-held-effects' ? undefined : row),
  },
  'without=slot': {
    ask: rekeyed,
    change: ({ name }, row) => (name === 'scene-rounds' ? undefined : row),
  },
}
const guard = process.argv.at(-1) ?? ''
const lens = LENSES[guard]

const isForEver = guard === 'without=approval-expiry'

function wordsOf(words: JudgeWords): JudgeWords {
  if (guard === 'without=slot') return signedByWords(words)
  return isForEver ? outliving(words) : words
}

await runProcess({
  name: 'judge',
  sections: ['postgres', 'redis', 'roles', 'judge'],
  async start({ config, consumerName, log, stack, metrics, crash }) {
    const record = stack.use(
      openDatabase({ url: config.DATABASE_URL, name: 'judge', log, role: 'chimera_swarm' }),
    )
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

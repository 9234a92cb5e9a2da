import { Uuid } from '@chimera/contracts/ids'
import { ResultRing } from '@chimera/contracts/judging/rings'
import { MAX_GRANTED } from '@chimera/domain/judging/attempt'
import { REPEAT_DAYS } from '@chimera/domain/judging/gates/content-gate'
import { readLife } from '@chimera/infra/database/judging/load-scene'
import { insertLetters } from '@chimera/infra/database/letters/insert-letters'
import { openDatabase } from '@chimera/infra/database/open-database'
import { openRoleModel } from '@chimera/infra/llm/open-role-model'
import { openJudgeWords } from '@chimera/infra/signing/judge-words'
import { openReceiptKeys } from '@chimera/infra/signing/receipt-keys'
import { openConsumer } from '@chimera/infra/streams/consumer'
import { openRedis } from '@chimera/infra/streams/open-redis'
import { openPublisher } from '@chimera/infra/streams/publisher'
import { runProcess } from '@chimera/runtime/run-process'

import { handleRings, type Ring } from './handle-rings.ts'
import { openOpinionDesk } from './opinions/opinion-desk.ts'

await runProcess({
  name: 'judge',
  sections: ['postgres', 'redis', 'roles', 'judge', 'llm'],
  async start({ config, consumerName, log, stack, health, metrics, crash }) {
    const url = config.DATABASE_URL
    const database = stack.use(openDatabase({ url, name: 'judge', log, role: 'chimera_swarm' }))
    const redis = stack.use(await openRedis({ url: config.REDIS_URL, name: 'judge', log }))
    const publisher = openPublisher({ redis, source: 'judge' })
    const parts = { database, publisher, actor: consumerName, log }
    const model = stack.use(await openRoleModel({ ...parts, config }))
    const deps = {
      ...parts,
      opinions: model && stack.use(openOpinionDesk({ ...parts, model })),
      words: await openJudgeWords(config.JUDGE_KEY),
      receiptKeys: openReceiptKeys(config.RECEIPT_JWKS_FILE),
      maxGranted: MAX_GRANTED,
      approvalTtlMs: config.APPROVAL_TTL_MS,
      repeatDays: REPEAT_DAYS,
      crash,
    }
    // Fails the start, and so lets the supervisor try again, when the record is not there.
    await readLife(database)
    let rings: readonly Ring[] = []
    const consumer = stack.use(
      openConsumer({
        url: config.REDIS_URL,
        name: 'judge-results',
        streams: ['chimera:results'],
        consumerName,
        log,
        leaseMs: config.LEASE_MS,
        metrics,
        // Who is named there is only whose rows are looked through: the row says whose it is.
        parse: ({ payload, envelope }): Ring => ({
          ...ResultRing.parse(payload),
          tenantId: Uuid.safeParse(envelope.tenant).data,
        }),
        handle: async (batch) => {
          rings = batch.map(({ value }) => value)
          await handleRings(deps, rings)
        },
        onDead: async (letters) => {
          await insertLetters(database, { letters, actor: consumerName })
        },
        hooks: {
          onAcknowledged: () => {
            if (rings.some((ring) => ring.look_at === 'task')) crash('judge.result.acknowledged')
            if (rings.some((ring) => ring.look_at === 'receipt'))
              crash('judge.receipt.acknowledged')
          },
        },
      }),
    )
    health.addCheck('redis', consumer.check)
  },
})

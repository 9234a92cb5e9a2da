import { ResultRing } from '@chimera/contracts/rings'
import { insertLetters } from '@chimera/infra/database/letters/insert-letters'
import { openDatabase } from '@chimera/infra/database/open-database'
import { openJudgeWords } from '@chimera/infra/signing/judge-words'
import { openReceiptKeys } from '@chimera/infra/signing/receipt-keys'
import { openConsumer } from '@chimera/infra/streams/consumer'
import { openRedis } from '@chimera/infra/streams/open-redis'
import { openPublisher } from '@chimera/infra/streams/publisher'
import { runProcess } from '@chimera/runtime/run-process'

import { handleRings } from './handle-rings.ts'

await runProcess({
  name: 'judge',
  sections: ['postgres', 'redis', 'judge'],
  async start({ config, consumerName, log, stack, crash }) {},
})

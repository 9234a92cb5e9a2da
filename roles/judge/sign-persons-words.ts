import { MAX_ADOPTED } from '@chimera/contracts/grant'
import { newId } from '@chimera/contracts/ids'
import { decideSettlement } from '@chimera/domain/judging/decide-settlement'
import { readLife } from '@chimera/infra/database/judging/load-scene'
import { loadAdoptions, writeAdoptions } from '@chimera/infra/database/judging/sign-adoptions'
import { loadSettlements, writeSettlements } from '@chimera/infra/database/judging/sign-settlements'
import { openTenantDatabase } from '@chimera/infra/database/tenant-database'

import type { AnswerDeps } from './answer-questions.ts'
import { inBatch } from './in-batch.ts'

/**
 * Signs what people say of effects that no provider could tell of; of money when two of them say
 * the same. Whether the bound of absence is over the tool server knows, and it has the last word.
 */
export async function signSettlements(
  deps: AnswerDeps,
  ids: readonly string[],
  decide: typeof decideSettlement = decideSettlement,
): Promise<void> {
  if (ids.length === 0) return
  const keys = [{ of: 'settlements', ids }] as const
  await inBatch(deps, { keys }, (own) => signOwn(own, ids, decide))
}

async function signOwn(
  { database, words }: AnswerDeps,
  ids: readonly string[],
  decide: typeof decideSettlement,
): Promise<void> {
  const settlements = await loadSettlements(database, ids)
  if (settlements.length === 0) return
  const life = await readLife(database)
  const written = await Promise.all(
    settlements.map(async (settlement) => {
      const { id, effect, account } = settlement
      const ageMs = life.nowMs - settlement.requestedMs
      const decision = decide({ ...effect, people: settlement.people, ageMs })
      if (decision.kind === 'refuse' || effect.grantId === null) {
        const refused = decision.kind === 'refuse' ? decision.why : 'It was never granted.'
        return { id, signed: null, refused }
      }
      // Closed, or nobody else has said it yet: the Keeper rings again.
      if (account === undefined || decision.kind === 'wait') {
        return { id, signed: null, refused: null }
      }
      const jws = await words.settle({
        iss: 'judge',
        jti: newId(),
        iat: Math.floor(life.nowMs / 1000),
        aud: account.account,
        boot: account.boot,
        ledger_id: account.ledgerId,
        incarnation: life.incarnation,
        grant_id: effect.grantId,
        effect_key: effect.effectKey,
        round: effect.round,
        args_hash: effect.argsHash,
        outcome: settlement.outcome,
        ...(settlement.providerRef === null ? {} : { provider_ref: settlement.providerRef }),
        reason: settlement.reason,
        actor: settlement.actor,
      })
      return { id, signed: { jws, boot: account.boot }, refused: null }
    }),
  )
  await writeSettlements(database, written)
}

/** Signs what the record knows of an account whose ledger was lost or is older than the record. */
export async function signAdoptions(
  { database, words }: AnswerDeps,
  ids: readonly string[],
): Promise<void> {
  if (ids.length === 0) return
  const adoptions = await loadAdoptions(openTenantDatabase(database), ids)
  if (adoptions.length === 0) return
  const life = await readLife(database)
  const written = await Promise.all(
    adoptions.map(async ({ id, account, boot, ledgerId, ...known }) => {
      if (known.isTooMany) {
        const refused =
          'More effects are open than one adoption carries; settle some of them first.'
        return { id, signed: null, refused }
      }
      const signed: string[] = []
      const jti = newId()
      const pages = pagesOf(known.effects)
      for (const [n, effects] of pages.entries()) {
        const isLast = n === pages.length - 1
        const jws = await words.adopt({
          iss: 'judge',
          jti,
          page: { n: n + 1, of: pages.length },
          iat: Math.floor(life.nowMs / 1000),
          aud: account,
          boot,
          ledger_id: ledgerId,
          incarnation: life.incarnation,
          known_boots: isLast ? known.knownBoots : [],
          highest_seq: known.highestSeq,
          effects,
        })
        signed.push(jws)
      }
      return { id, signed: { words: signed, boot }, refused: null }
    }),
  )
  await writeAdoptions(database, written)
}

/** What each word carries; at least one, which brings the boots. */
function pagesOf<T>(effects: readonly T[]): T[][] {
  const pages: T[][] = []
  for (let from = 0; from === 0 || from < effects.length; from += MAX_ADOPTED) {
    pages.push(effects.slice(from, from + MAX_ADOPTED))
  }
  return pages
}

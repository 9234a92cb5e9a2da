/** What people say of effects and ledgers, carried by the Keeper. */
import { newId } from '@chimera/contracts/ids'
import { expect, test } from 'vitest'

import { ACCOUNT, addEffect, openScene, payloads, type Scene } from './keeper-scene.ts'
import { openFakeServer, openScenesServer, receipt, receiptsOf } from './keeper-tool-server.ts'

type Server = Awaited<ReturnType<typeof openFakeServer>>

/** An effect that needs a person, and what a person said of it. */
async function settle(scene: Scene, server: Server): Promise<{ id: string; grantId: string }> {
  const { effectId, grantId } = await addEffect(scene, { boot: server.boot, expires: '50 s' })
  await scene.database.query({ text: `UPDATE effects SET state = 'NEEDS_HUMAN'` })
  const id = newId()
  await scene.database.query({
    text: `INSERT INTO effect_settlements (id, effect_id, outcome, reason, actor)
      VALUES ($1, $2, 'did_not_happen', 'I looked', 'token:x')`,
    values: [id, effectId],
  })
  return { id, grantId }
}

const sign = (scene: Scene, table: string, boot: string) =>
  scene.database.query({ text: `UPDATE ${table} SET jws = 'words', boot = $1`, values: [boot] })

const rowOf = async (scene: Scene, table: string) => {
  const [row] = await scene.database.query({ text: `SELECT * FROM ${table}` })
  return row
}

test("a person's word is signed for the present boot, carried, and its receipt filed", async () => {
  await using scene = await openScene()
  await using server = await openFakeServer()
  await openScenesServer(scene, server)
  const { id, grantId } = await settle(scene, server)
  await expect
    .poll(() => payloads(scene, 'chimera:results'), { timeout: 3_000 })
    .toContainEqual(expect.objectContaining({ look_at: 'settlement', id }))
  server.answer = [receipt(grantId, 'NOT_HAPPENED')]
  // Signed for a boot that is gone: to be signed again, and not carried.
  await sign(scene, 'effect_settlements', newId())
  await new Promise((resolve) => setTimeout(resolve, 700))
  expect(server.asked).not.toContain('settle words')
  await sign(scene, 'effect_settlements', server.boot)
  await expect.poll(() => receiptsOf(scene), { timeout: 3_000 }).toHaveLength(1)
  expect(server.asked).toContain('settle words')
  const done = { refused: null, done_at: expect.any(Date) }
  await expect.poll(() => rowOf(scene, 'effect_settlements')).toMatchObject(done)
})

test('a word that the tool server refuses ends with its reason, its state filed', async () => {
  await using scene = await openScene()
  await using server = await openFakeServer()
  await openScenesServer(scene, server)
  const { grantId } = await settle(scene, server)
  const detail = 'the bound of absence is not over'
  server.refuses['/control/settle'] = { status: 403, code: 'SETTLE_REFUSED', detail }
  server.answer = [receipt(grantId, 'CONFIRMED')]
  await sign(scene, 'effect_settlements', server.boot)
  const refused = expect.stringContaining(detail)
  await expect
    .poll(() => rowOf(scene, 'effect_settlements'), { timeout: 3_000 })
    .toMatchObject({ refused, done_at: expect.any(Date) })
  await expect.poll(() => receiptsOf(scene), { timeout: 3_000 }).toHaveLength(1)
})

test('a word is carried again when the tool server was not ready for it', async () => {
  await using scene = await openScene()
  await using server = await openFakeServer()
  await openScenesServer(scene, server)
  await settle(scene, server)
  server.refuses['/control/settle'] = { status: 503, code: 'SERVER_CLOSED', detail: 'not now' }
  await sign(scene, 'effect_settlements', server.boot)
  await expect.poll(() => server.asked, { timeout: 3_000 }).toContain('settle words')
  expect(await rowOf(scene, 'effect_settlements')).toMatchObject({ done_at: null })
  server.refuses = {}
  await expect
    .poll(() => rowOf(scene, 'effect_settlements'), { timeout: 5_000 })
    .toMatchObject({ refused: null, done_at: expect.any(Date) })
})

test('what the record knows is signed and carried to a ledger that lacks it', async () => {
  await using scene = await openScene()
  await using server = await openFakeServer()
  await openScenesServer(scene, server)
  const id = newId()
  const request = { text: 'INSERT INTO tool_adoptions (id, account, actor) VALUES ($1, $2, $3)' }
  await scene.database.query({ ...request, values: [id, ACCOUNT, 'token:x'] })
  await expect
    .poll(() => payloads(scene, 'chimera:results'), { timeout: 3_000 })
    .toContainEqual(expect.objectContaining({ look_at: 'adoption', id }))
  await sign(scene, 'tool_adoptions', server.boot)
  await expect
    .poll(() => rowOf(scene, 'tool_adoptions'), { timeout: 3_000 })
    .toMatchObject({ refused: null, done_at: expect.any(Date) })
  expect(server.asked).toContain('adopt words')

  server.refuses['/control/adopt'] = { status: 409, code: 'WRONG_ACCOUNT', detail: 'of x:other' }
  await scene.database.query({ text: 'DELETE FROM tool_adoptions' })
  await scene.database.query({ ...request, values: [newId(), ACCOUNT, 'token:x'] })
  await sign(scene, 'tool_adoptions', server.boot)
  await expect
    .poll(() => rowOf(scene, 'tool_adoptions'), { timeout: 3_000 })
    .toMatchObject({ refused: expect.stringContaining('WRONG_ACCOUNT') })
})

test('the receipt of another grant that holds the slot is filed under its own', async () => {
  await using scene = await openScene()
  await using server = await openFakeServer()
  await openScenesServer(scene, server)
  await addEffect(scene, { boot: server.boot, expires: '-1 s' })
  const key = 'a'.repeat(64)
  const holder = newId()
  server.answer = [receipt(holder, 'CONFIRMED', key)]
  await scene.database.query({
    text: `UPDATE effects SET cancelling = true, void_jws = 'question', void_boot = $1`,
    values: [server.boot],
  })
  await new Promise((resolve) => setTimeout(resolve, 1_000))
  // Of another slot: nobody asked.
  expect(await receiptsOf(scene)).toEqual([])
  await scene.database.query({ text: 'ALTER TABLE effects DISABLE TRIGGER USER' })
  await scene.database.query({ text: 'UPDATE effects SET effect_key = $1', values: [key] })
  await expect.poll(() => receiptsOf(scene), { timeout: 5_000 }).toHaveLength(1)
  const [filed] = await receiptsOf(scene)
  expect(filed).toMatchObject({ grant_id: holder, judged_at: null })
})

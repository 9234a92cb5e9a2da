import { setTimeout as sleep } from 'node:timers/promises'

import { newId } from '@chimera/contracts/ids'
import { raiseStop } from '@chimera/infra/database/fences/raise-stop'
import { expect, test } from 'vitest'

import { addEffect, openScene, payloads } from './keeper-scene.ts'
import {
  accountOf as account,
  effectOf as effect,
  judgeSignsHello,
  openFakeServer,
  prepare,
  receipt,
  receiptsOf as receipts,
} from './keeper-tool-server.ts'

test('a new boot is registered, greeted with its signed hello and opened', async () => {
  await using scene = await openScene()
  await using server = await openFakeServer()
  await prepare(scene, server)
  scene.openKeeper()
  await judgeSignsHello(scene, server.boot)
  await expect
    .poll(() => account(scene), { timeout: 5_000 })
    .toMatchObject({ state: 'open', boot: server.boot, definitions: { post_tweet: 'hash' } })
  expect(server.asked).toContain(`hello hello-of-${server.boot}`)
  const [boot] = await scene.database.query({ text: 'SELECT * FROM tool_boots' })
  expect(boot).toMatchObject({ ledger_id: server.ledgerId, seq: '7' })
  expect(boot?.['opened_at']).toBeInstanceOf(Date)
  const entries = await scene.database.query<{ item: { to: string } }>({
    text: 'SELECT jsonb_array_elements(items) AS item FROM audit_entries ORDER BY created_at',
  })
  expect(entries.map(({ item }) => item.to)).toEqual(['SEEN', 'OPENED'])
})

test('a killed server is seen at once and opened at its new boot; its old grants end', async () => {
  await using scene = await openScene()
  const server = await openFakeServer()
  await prepare(scene, server)
  scene.openKeeper()
  await judgeSignsHello(scene, server.boot)
  await expect.poll(() => account(scene), { timeout: 5_000 }).toMatchObject({ state: 'open' })
  const { effectId } = await addEffect(scene, { boot: server.boot, expires: '50 s' })
  await server[Symbol.asyncDispose]()
  await expect
    .poll(() => account(scene), { timeout: 2_000 })
    .toMatchObject({ state: 'closed', reason: 'UNREACHABLE' })
  await using reborn = await openFakeServer({ port: server.port, ledgerId: server.ledgerId })
  await judgeSignsHello(scene, reborn.boot)
  await expect
    .poll(() => account(scene), { timeout: 2_000 })
    .toMatchObject({ state: 'open', boot: reborn.boot })
  await expect
    .poll(() => effect(scene, effectId))
    .toMatchObject({ state: 'GRANTED', cancelling: true, void_reason: 'boot_changed' })
  await expect
    .poll(() => payloads(scene, 'chimera:results'))
    .toContainEqual(expect.objectContaining({ look_at: 'effect', id: effectId }))
})

test('a closed server is asked nothing about its grants until it is open', async () => {
  await using scene = await openScene()
  await using server = await openFakeServer()
  await prepare(scene, server)
  server.closedFor = 'LEDGER_BEHIND: it lacks a boot'
  scene.openKeeper()
  await judgeSignsHello(scene, server.boot)
  await expect
    .poll(() => account(scene), { timeout: 5_000 })
    .toMatchObject({ state: 'closed', reason: server.closedFor })
  const { effectId } = await addEffect(scene, { boot: server.boot, expires: '-1 s' })
  // It was open before, with this very boot.
  await scene.database.query({
    text: 'UPDATE tool_accounts SET boot = $1',
    values: [server.boot],
  })
  await scene.database.query({
    text: `UPDATE effects SET cancelling = true, void_reason = 'expired', void_jws = 'question',
      void_boot = $1`,
    values: [server.boot],
  })
  await sleep(1_500)
  expect(server.asked).not.toContain('void question')
  delete server.closedFor
  server.isOpen = true
  await expect.poll(() => account(scene), { timeout: 5_000 }).toMatchObject({ state: 'open' })
  await expect.poll(() => server.asked, { timeout: 3_000 }).toContain('void question')
  expect(await effect(scene, effectId)).toMatchObject({ state: 'GRANTED' })
})

test('a grant that ran out is asked about, and the signed question brings a receipt', async () => {
  await using scene = await openScene()
  await using server = await openFakeServer()
  await prepare(scene, server)
  scene.openKeeper()
  await judgeSignsHello(scene, server.boot)
  await expect.poll(() => account(scene), { timeout: 5_000 }).toMatchObject({ state: 'open' })
  // Stops are for grants: void, look-up and reconcile work all the same.
  await raiseStop(scene.database, { scope: 'everything', actor: 'test' })
  const { effectId, grantId } = await addEffect(scene, { boot: server.boot, expires: '-1 s' })
  await expect
    .poll(() => effect(scene, effectId), { timeout: 3_000 })
    .toMatchObject({ state: 'GRANTED', cancelling: true, void_reason: 'expired' })
  server.answer = [receipt(grantId, 'VOID'), receipt(newId(), 'VOID'), 'nonsense']
  await scene.database.query({
    text: `UPDATE effects SET void_jws = 'question', void_boot = $1`,
    values: [server.boot],
  })
  await expect.poll(() => receipts(scene), { timeout: 3_000 }).toHaveLength(1)
  expect(server.asked).toContain('void question')
  const [row] = await receipts(scene)
  expect(row).toMatchObject({ grant_id: grantId, carried_by: 'keeper-1', judged_at: null })
  expect(await payloads(scene, 'chimera:results')).toContainEqual(
    expect.objectContaining({ look_at: 'receipt', id: row?.['id'] }),
  )
})

test('an unknown effect is looked up when its server says, and only news is filed', async () => {
  await using scene = await openScene()
  await using server = await openFakeServer()
  await prepare(scene, server)
  scene.openKeeper()
  await judgeSignsHello(scene, server.boot)
  await expect.poll(() => account(scene), { timeout: 5_000 }).toMatchObject({ state: 'open' })
  const { grantId } = await addEffect(scene, { boot: server.boot, expires: '50 s' })
  await scene.database.query({ text: `UPDATE effects SET state = 'UNKNOWN'` })
  const looked = () => server.asked.filter((line) => line.startsWith('reconcile'))
  server.nextInMs = 60_000
  server.answer = [receipt(grantId, 'UNKNOWN')]
  await expect.poll(() => looked().length, { timeout: 3_000 }).toBe(1)
  await new Promise((resolve) => setTimeout(resolve, 1_000))
  expect(looked()).toEqual([`reconcile ["${grantId}"]`])
  expect(await receipts(scene)).toHaveLength(0)
})

test('a server that stays closed says why in the record', async () => {
  await using scene = await openScene()
  await using server = await openFakeServer()
  server.closedFor = 'LEDGER_BEHIND'
  await prepare(scene, server)
  scene.openKeeper()
  await judgeSignsHello(scene, server.boot)
  await expect
    .poll(() => account(scene), { timeout: 5_000 })
    .toMatchObject({ state: 'closed', reason: 'LEDGER_BEHIND', boot: null })
})

test('a hello that is refused leaves the reason of the server in the record', async () => {
  await using scene = await openScene()
  await using server = await openFakeServer()
  const detail = 'the ledger lacks a boot'
  server.closedFor = `LEDGER_BEHIND: ${detail}`
  server.refuses['/control/hello'] = { status: 503, code: 'LEDGER_BEHIND', detail }
  await prepare(scene, server)
  scene.openKeeper()
  await judgeSignsHello(scene, server.boot)
  await expect
    .poll(() => account(scene), { timeout: 5_000 })
    .toMatchObject({ state: 'closed', reason: server.closedFor, boot: null })
})

test('a server that answers for another account is never opened', async () => {
  await using scene = await openScene()
  await using server = await openFakeServer()
  server.account = 'x:somebody'
  await prepare(scene, server)
  scene.openKeeper()
  await expect
    .poll(() => account(scene), { timeout: 5_000 })
    .toMatchObject({ state: 'closed', reason: 'WRONG_ACCOUNT' })
  expect(await scene.database.query({ text: 'SELECT * FROM tool_boots' })).toEqual([])
})

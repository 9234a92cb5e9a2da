import { raiseStop } from '@chimera/infra/database/fences/raise-stop'
import { readFences } from '@chimera/infra/database/fences/read-fences'
import { resume } from '@chimera/infra/database/fences/resume'
import { expect, test } from 'vitest'

import { addTasks, openScene, payloads, type Scene } from './keeper-scene.ts'
import {
  accountOf,
  judgeSignsHello,
  openFakeServer,
  openScenesServer,
  prepare,
} from './keeper-tool-server.ts'

test('a stop that a server missed is brought to it, and so is its end', async () => {
  await using scene = await openScene()
  await using server = await openFakeServer()
  await openScenesServer(scene, server)
  await raiseStop(scene.database, { scope: 'everything', actor: 'test' })
  await expect.poll(() => server.asked, { timeout: 2_000 }).toContain('fence everything 1 true')
  await expect.poll(() => accountOf(scene), { timeout: 2_000 }).toMatchObject({ state: 'fenced' })
  await resume(scene.database, { scope: 'everything', actor: 'test' })
  await expect.poll(() => server.asked, { timeout: 2_000 }).toContain('fence everything 2 false')
  await expect.poll(() => accountOf(scene), { timeout: 2_000 }).toMatchObject({ state: 'open' })
})

test('a stop that only a server knows reaches the record, and resume goes above it', async () => {
  await using scene = await openScene()
  await using server = await openFakeServer()
  server.fences = {
    everything: { epoch: 5, stopped: true },
    'goal:g-1': { epoch: 3, stopped: true },
  }
  await prepare(scene, server)
  scene.openKeeper()
  await expect
    .poll(() => fencesOf(scene), { timeout: 5_000 })
    .toEqual([
      { scope: 'everything', epoch: 5, stopped: true },
      { scope: 'goal:g-1', epoch: 3, stopped: true },
    ])
  const feed = await payloads(scene, 'chimera:feed')
  expect(feed).toContainEqual(expect.objectContaining({ type: 'stop.raised' }))
  const [entry] = await scene.database.query({
    text: `SELECT actor, items FROM audit_entries WHERE items::text LIKE '%epoch 5%'`,
  })
  expect(entry).toMatchObject({ actor: 'keeper-1', items: [{ subject: 'fence', to: 'RAISED' }] })
  expect(await resume(scene.database, { scope: 'everything', actor: 'test' })).toMatchObject({
    epoch: 6,
  })
})

test('a stop with the number of a resume that its server never saw is a stop', async () => {
  await using scene = await openScene()
  await using server = await openFakeServer()
  await raiseStop(scene.database, { scope: 'everything', actor: 'test' })
  await resume(scene.database, { scope: 'everything', actor: 'test' })
  server.fences = { everything: { epoch: 2, stopped: true } }
  await prepare(scene, server)
  scene.openKeeper()
  await judgeSignsHello(scene, server.boot)
  await expect
    .poll(() => fencesOf(scene), { timeout: 5_000 })
    .toEqual([{ scope: 'everything', epoch: 3, stopped: true }])
})

test('tasks that waited for a closed server are rung when it opens', async () => {
  await using scene = await openScene()
  await using server = await openFakeServer()
  const waits = (unblock: string) => ({
    status: `'REVIEW'`,
    phase: `'judging'`,
    result_at: 'now()',
    run_at: `now() + interval '1 minute'`,
    waiting_on: `'{"reason": "x", "until": null, "unblock": "${unblock}"}'`,
  })
  const { taskIds } = await addTasks(scene.database, { columns: waits('chimera tools ls') })
  await addTasks(scene.database, { columns: waits('chimera goal resume') })
  await openScenesServer(scene, server)
  const rung = async () =>
    (await payloads(scene, 'chimera:results'))
      .filter(({ look_at: kind }) => kind === 'task')
      .map(({ id }) => id)
  await expect.poll(rung, { timeout: 2_000 }).toContain(taskIds[0])
  expect(new Set(await rung())).toEqual(new Set(taskIds))
})

test('a server whose clock jumped is greeted anew, by a hello of now', async () => {
  await using scene = await openScene()
  await using server = await openFakeServer()
  server.closedFor = 'CLOCK_JUMP: 3600 s'
  server.opensTo = 'fresh'
  await prepare(scene, server)
  scene.openKeeper()
  await judgeSignsHello(scene, server.boot)
  await scene.database.query({
    text: `CREATE FUNCTION sign_again() RETURNS trigger LANGUAGE plpgsql AS $$
      BEGIN NEW.hello := 'fresh'; RETURN NEW; END $$`,
  })
  await scene.database.query({
    text: `CREATE TRIGGER judge_signs BEFORE UPDATE ON tool_boots FOR EACH ROW
      WHEN (OLD.hello IS NOT NULL AND NEW.hello IS NULL) EXECUTE FUNCTION sign_again()`,
  })
  await expect.poll(() => accountOf(scene), { timeout: 8_000 }).toMatchObject({ state: 'open' })
  expect(server.asked).toContain('hello fresh')
})

async function fencesOf({ database }: Scene) {
  const fences = await readFences(database)
  return fences.map(({ scope, epoch, stopped }) => ({ scope, epoch, stopped }))
}

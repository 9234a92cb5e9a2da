import { lowerKill } from '@chimera/infra/database/kill/lower-kill'
import { raiseKill } from '@chimera/infra/database/kill/raise-kill'
import { readKill } from '@chimera/infra/database/kill/read-kill'
import { expect, test } from 'vitest'

import { openScene, payloads, type Scene } from './keeper-scene.ts'
import { openFakeServer, openScenesServer, prepare } from './keeper-tool-server.ts'

const WORD = { scope: 'everything', reason: 'a test', actor: 'ann' }
const levelOf = async ({ database }: Scene) => (await readKill(database)).get('everything')?.level

test('a kill level that a server missed is brought to it', async () => {
  await using scene = await openScene()
  await using server = await openFakeServer()
  await openScenesServer(scene, server)
  await raiseKill(scene.database, { ...WORD, level: 3 })
  await expect.poll(() => server.asked, { timeout: 5_000 }).toContain('kill everything 3 3')
})

test('a level that was raised at a server is taken for the whole house', async () => {
  await using scene = await openScene()
  await using server = await openFakeServer()
  await raiseKill(scene.database, { ...WORD, level: 1 })
  server.kill = { everything: 4 }
  await prepare(scene, server)
  scene.openKeeper()
  await expect.poll(() => levelOf(scene), { timeout: 5_000 }).toBe(4)
  const feed = await payloads(scene, 'chimera:feed')
  expect(feed).toContainEqual(expect.objectContaining({ type: 'kill.emergency' }))
})

test('a level that the operator lowered reaches a server in a fresh hello alone', async () => {
  await using scene = await openScene()
  await using server = await openFakeServer()
  await openScenesServer(scene, server)
  const { epoch } = await raiseKill(scene.database, { ...WORD, level: 3 })
  server.kill = { everything: epoch }
  const lowered = await lowerKill(scene.database, { ...WORD, level: 0, above: epoch })
  const hello = async () => {
    const [row] = await scene.database.query<{ hello: string | null }>({
      text: 'SELECT hello FROM tool_boots',
    })
    return row?.hello
  }
  // The one that was signed before says nothing of it, and is thrown away.
  await expect.poll(hello, { timeout: 8_000 }).toBeNull()
  const claims = { ...HELLO, boot: server.boot, kill: { everything: lowered.epoch } }
  const jws = `e30.${Buffer.from(JSON.stringify(claims)).toString('base64url')}.c2ln`
  await scene.database.query({ text: 'UPDATE tool_boots SET hello = $1', values: [jws] })
  await expect.poll(() => server.asked, { timeout: 8_000 }).toContain(`hello ${jws}`)
  expect(server.asked.filter((word) => word.startsWith('kill'))).toEqual([])
})

const HELLO = {
  iss: 'judge',
  iat: 1,
  aud: 'x',
  ledger_id: '018f0000-0000-7000-8000-0000000000e1',
  incarnation: '018f0000-0000-7000-8000-0000000000e2',
  fences: {},
  known_boots: [],
  highest_seq: 0,
}

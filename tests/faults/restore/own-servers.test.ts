import { spawnSync } from 'node:child_process'
import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { BackupManifest } from '@chimera/infra/backup/manifest'
import { afterAll, beforeAll, expect, test } from 'vitest'

import { ended, openStackRig, type StackRig } from '../../e2e/stack-rig.ts'

let rig: StackRig
let scratch: string
beforeAll(async () => {
  scratch = mkdtempSync(join(tmpdir(), 'chimera-backup-'))
  // Its own PostgreSQL and Redis, as `./chimera up` starts them.
  rig = await openStackRig({ servers: 'own' })
}, 180_000)
afterAll(async () => {
  await rig[Symbol.asyncDispose]()
  rmSync(scratch, { recursive: true, force: true })
})

test('a stack of its own is backed up alive and dead, and restored', async () => {
  await rig.cli('goal', 'post', 'publish a tweet: kept', '--id', 'kept', '--wait')
  const live = await rig.cli('backup', join(scratch, 'live'), '--json')
  expect(live.code, live.stderr).toBe(0)
  expect(live.stderr).toContain('The keys are not in it')
  expect(BackupManifest.parse(JSON.parse(live.stdout)).ledgers).toMatchObject([{ from: 'live' }])

  const refused = await rig.cli('restore', join(scratch, 'live'), '--yes')
  expect(refused).toMatchObject({ code: 6, stdout: '' })
  expect(refused.stderr).toContain('chimera down')

  expect((await rig.cli('down')).code).toBe(0)
  const dead = await rig.cli('backup', join(scratch, 'dead'), '--json')
  expect(dead.code, dead.stderr).toBe(0)
  expect(BackupManifest.parse(JSON.parse(dead.stdout)).ledgers).toMatchObject([{ from: 'file' }])

  const restored = await rig.cli('restore', join(scratch, 'live'), '--yes')
  expect(restored.code, restored.stderr).toBe(0)
  expect(restored.stdout).toContain('./chimera up')
  expect((await rig.cli('up', '--detach', '--json')).code).toBe(0)
  expect(await rig.goal('kept')).toMatchObject({ status: 'COMPLETED' })
  expect((await rig.status()).fence).toMatchObject([{ scope: 'everything', stopped: true }])
  expect((await rig.cli('resume', '--json')).code).toBe(0)
  await rig.cli('goal', 'post', 'publish a tweet: after', '--id', 'after')
  expect(await ended(rig, 'after', 30_000)).toMatchObject({ status: 'COMPLETED' })
  expect(rig.tweets()).toHaveLength(2)
}, 240_000)

test('a backup that is killed leaves nothing that a restore would take', () => {
  const main = join(import.meta.dirname, '..', '..', '..', 'cli', 'main.ts')
  const target = join(scratch, 'killed')
  // Long enough to have begun, too short to have ended.
  for (const timeout of [300, 500, 700]) {
    spawnSync(process.execPath, [main, 'backup', target], {
      env: { ...process.env, CHIMERA_STATE_DIR: rig.stateDir },
      timeout,
      killSignal: 'SIGKILL',
    })
    const names = readdirSync(scratch).filter((name) => name.startsWith('killed'))
    const whole = names.filter((name) => !name.includes('.partial-'))
    for (const name of whole) expect(readdirSync(join(scratch, name))).toContain('manifest.json')
    for (const name of names) rmSync(join(scratch, name), { recursive: true })
  }
})

import { mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { handleOf } from '@chimera/contracts/media'
import { afterEach, beforeEach, expect, test } from 'vitest'

import { addMedia, listMedia } from './keep-media.ts'

let folder: string
const said: string[] = []
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'chimera-media-'))
  said.length = 0
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

const context = () => ({
  env: { CHIMERA_STATE_DIR: join(folder, 'state') },
  out: (line: string) => void said.push(line),
  err: () => {},
})
const write = (name: string, bytes: Buffer): string => {
  writeFileSync(join(folder, name), bytes)
  return join(folder, name)
}
const PNG = Buffer.concat([Buffer.from('89504e470d0a1a0a', 'hex'), Buffer.from('sea')])

test('an image is kept under its content, once, for its owner only', async () => {
  const file = write('a.png', PNG)
  await addMedia(file, {}, context())
  await addMedia(write('b.txt', PNG), { json: true }, context())
  const handle = handleOf(PNG)
  expect(said[0]).toBe(handle)
  expect(JSON.parse(said[1] ?? '')).toEqual({ handle, type: 'image/png', bytes: PNG.length })
  const media = join(folder, 'state', 'media')
  expect(readdirSync(media)).toEqual([handle.slice('sha256:'.length)])
  expect(statSync(join(media, handle.slice('sha256:'.length))).mode & 0o777).toBe(0o600)
  await listMedia({}, context())
  expect(said[2]).toBe(`${handle} ${PNG.length}`)
})

test.each([
  ['a text', Buffer.from('hello')],
  ['more than X takes', Buffer.concat([PNG, Buffer.alloc(5_000_000)])],
])('%s is not kept', async (_what, bytes) => {
  await expect(addMedia(write('x.png', bytes), {}, context())).rejects.toMatchObject({ code: 2 })
  await expect(addMedia(join(folder, 'nothing'), {}, context())).rejects.toMatchObject({ code: 2 })
  await listMedia({ json: true }, context())
  expect(said).toEqual(['[]'])
})

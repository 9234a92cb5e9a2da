import { describe, expect, test } from 'vitest'

import { checkImage, handleOf, MAX_IMAGE_BYTES, mediaFileName } from './media.ts'

const PNG = Buffer.from('89504e470d0a1a0a0000000d49484452', 'hex')

describe('an image', () => {
  test.each([
    ['image/png', PNG],
    ['image/jpeg', Buffer.from('ffd8ffe000104a464946', 'hex')],
    ['image/webp', Buffer.from('RIFF\u0004\u0000\u0000\u0000WEBPVP8 ', 'latin1')],
  ])('%s is known by its first bytes', (type, bytes) => {
    expect(checkImage(bytes)).toEqual({ isImage: true, type })
  })

  test.each([
    ['nothing', Buffer.alloc(0)],
    ['a page that calls itself an image', Buffer.from('<svg onload="alert(1)"/>')],
    ['a GIF', Buffer.from('GIF89a')],
    ['the first half of a PNG signature', PNG.subarray(0, 4)],
    ['a sound in the same container', Buffer.from('RIFF\u0004\u0000\u0000\u0000WAVE')],
  ])('%s is none', (_what, bytes) => {
    expect(checkImage(bytes)).toMatchObject({ isImage: false })
  })

  test('may have so many bytes and not one more', () => {
    const fill = (size: number) => Buffer.concat([PNG, Buffer.alloc(size - PNG.length)])
    expect(checkImage(fill(MAX_IMAGE_BYTES))).toMatchObject({ isImage: true })
    expect(checkImage(fill(MAX_IMAGE_BYTES + 1))).toMatchObject({ isImage: false })
  })
})

test('a handle names the content, and only a handle names a file', () => {
  const handle = handleOf(Buffer.from('abc'))
  expect(handle).toBe('sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad')
  expect(mediaFileName(handle)).toMatch(/^[0-9a-f]{64}$/)
  for (const path of ['../keys/operator.token', 'sha256:../../x', `${handle}/..`, '/etc/passwd']) {
    expect(() => mediaFileName(path)).toThrow(/chimera media add/)
  }
})

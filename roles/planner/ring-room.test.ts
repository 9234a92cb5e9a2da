import type { WorkStream } from '@chimera/contracts/streams'
import { expect, test } from 'vitest'

import { openRingRoom } from './ring-room.ts'

const STREAM: WorkStream = 'chimera:tasks:RESEARCH'

const open = (lag: { now: number | null }) => {
  let asked = 0
  const room = openRingRoom({
    lagOf: (streams) => {
      asked += 1
      return Promise.resolve(new Map(streams.map((stream) => [stream, lag.now])))
    },
  })
  return { ...room, asked: () => asked }
}

test('a tenant has room for one batch, and for more when it has been heard', async () => {
  const lag = { now: 400 }
  const room = open(lag)
  expect(room.roomOf(STREAM, 'a')).toBe(500)
  room.noteRung(STREAM, 'a', 500)
  expect(room.roomOf(STREAM, 'a')).toBe(0)
  expect(room.roomOf(STREAM, 'b')).toBe(500)
  expect(room.roomOf('chimera:tasks:CONTENT_GEN', 'a')).toBe(500)
  await room.refresh()
  expect(room.roomOf(STREAM, 'a')).toBe(100)
  lag.now = 0
  await room.refresh()
  expect(room.roomOf(STREAM, 'a')).toBe(500)
})

test('what was rung for first is heard first', async () => {
  const room = open({ now: 30 })
  room.noteRung(STREAM, 'a', 100)
  room.noteRung(STREAM, 'b', 30)
  await room.refresh()
  expect([room.roomOf(STREAM, 'a'), room.roomOf(STREAM, 'b')]).toEqual([500, 470])
})

test('many tenants share what a stream may hold, and none is left without room', () => {
  const room = open({ now: 0 })
  for (let n = 0; n < 10; n += 1) room.noteRung(STREAM, `t${n}`, room.roomOf(STREAM, `t${n}`))
  expect(room.roomOf(STREAM, 't0')).toBe(0)
  expect(room.roomOf(STREAM, 'late')).toBe(50)
})

test('nobody is asked while little is out, and an unknown length holds nobody', async () => {
  const room = open({ now: null })
  room.noteRung(STREAM, 'a', 10)
  await room.refresh()
  expect(room.asked()).toBe(0)
  room.noteRung(STREAM, 'a', 490)
  await room.refresh()
  expect([room.asked(), room.roomOf(STREAM, 'a')]).toEqual([1, 500])
})

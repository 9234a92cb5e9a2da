import { createServer } from 'node:net'

import { expect, test } from 'vitest'

import { findFreePort } from './free-port.ts'
import { claimPort } from './port-claim.ts'

test('of two that want the same free port one gets it, the other gets another', async () => {
  const wanted = await findFreePort()
  using first = await claimPort([wanted])
  using second = await claimPort([wanted])
  expect(first.port).toBe(wanted)
  expect(second.port).not.toBe(wanted)
})

test('a port is free again when its claim is given back', async () => {
  const wanted = await findFreePort()
  {
    using first = await claimPort([wanted])
    expect(first.port).toBe(wanted)
  }
  using second = await claimPort([undefined, wanted])
  expect(second.port).toBe(wanted)
})

test('a port on which somebody listens is not taken', async () => {
  const server = createServer()
  const wanted = await findFreePort()
  await new Promise<void>((resolve) => {
    server.listen(wanted, '127.0.0.1', resolve)
  })
  using claim = await claimPort([wanted])
  expect(claim.port).not.toBe(wanted)
  server.close()
})

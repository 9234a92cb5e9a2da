import { once } from 'node:events'
import { connect, createServer } from 'node:net'

import { RetryableError } from '@chimera/contracts/errors'
import { openDatabase } from '@chimera/infra/database/open-database'
import { openLog } from '@chimera/runtime/log'
import { expect, inject, test } from 'vitest'

/**
 * What PostgreSQL sends on every connection when it is told to stop (protocol 3, ErrorResponse).
 */
function farewell(): Buffer {
  const fields = ['SFATAL', 'VFATAL', 'C57P01', 'Mterminating connection', ''].join('\0')
  const body = Buffer.from(`${fields}\0`)
  const head = Buffer.alloc(5)
  head.write('E')
  head.writeInt32BE(body.length + 4, 1)
  return Buffer.concat([head, body])
}

const READY = Buffer.from([0x5a, 0, 0, 0, 5, 0x49])

/** Passes everything on; once armed, the next answer and the farewell arrive in one piece. */
async function openProxy(to: URL) {
  let isArmed = false
  const server = createServer((client) => {
    const upstream = connect(Number(to.port), to.hostname)
    client.on('error', () => upstream.destroy()).pipe(upstream)
    upstream.on('error', () => client.destroy())
    upstream.on('data', (chunk) => {
      const isLast = isArmed && chunk.subarray(-READY.length).equals(READY)
      client.write(isLast ? Buffer.concat([chunk, farewell()]) : chunk)
      if (!isLast) return
      isArmed = false
      client.end()
      upstream.end()
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  if (address === null || typeof address === 'string') throw new TypeError('no port')
  return {
    port: address.port,
    arm: () => (isArmed = true),
    [Symbol.dispose]: () => void server.close(),
  }
}

test('a server that stops under a waiting transaction ends no process', async () => {
  const url = new URL(inject('databaseUrl'))
  using proxy = await openProxy(new URL(url))
  url.hostname = '127.0.0.1'
  url.port = String(proxy.port)
  const log = openLog({ name: 'test', level: 'silent' })
  await using database = openDatabase({ url: url.href, name: 'test', log, max: 1 })
  await database.query({ text: 'SELECT 1' })
  proxy.arm()
  const first = database.query({ text: 'SELECT 1' })
  // It is given the connection between the answer and the farewell.
  const next = database.transaction((tx) => tx.query({ text: 'SELECT 1' }))
  const [answered, refused] = await Promise.allSettled([first, next])
  expect(answered).toMatchObject({ status: 'fulfilled' })
  expect(refused).toMatchObject({ status: 'rejected', reason: expect.any(RetryableError) })
  await expect(database.query({ text: 'SELECT 1' })).resolves.toHaveLength(1)
})

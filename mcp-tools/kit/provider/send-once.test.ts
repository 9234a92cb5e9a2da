import { createServer, type RequestListener, type Server } from 'node:http'
import { createServer as createTcpServer, type AddressInfo } from 'node:net'

import { afterEach, describe, expect, test } from 'vitest'
import { z } from 'zod'

import { sendOnce, type SendOptions } from './send-once.ts'

const servers: (Server | ReturnType<typeof createTcpServer>)[] = []
afterEach(async () => {
  for (const server of servers.splice(0)) {
    if ('closeAllConnections' in server) server.closeAllConnections()
    await new Promise((resolve) => {
      server.close(resolve)
    })
  }
})

async function listen(server: Server | ReturnType<typeof createTcpServer>): Promise<string> {
  servers.push(server)
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve)
  })
  return `http://127.0.0.1:${z.custom<AddressInfo>().parse(server.address()).port}/say`
}

const serve = async (listener: RequestListener): Promise<string> => listen(createServer(listener))

const send = async (url: string, other: Partial<SendOptions> = {}) =>
  sendOnce({
    request: {
      method: 'POST',
      url,
      headers: { 'content-type': 'text/plain' },
      body: Buffer.from('once'),
    },
    deadlineMs: 2_000,
    maySend: () => undefined,
    ...other,
  })

describe('what has definitely not left', () => {
  test('nothing reaches the provider when the last look refuses', async () => {
    let bytes = 0
    const tcp = createTcpServer((socket) => {
      socket.on('data', (data) => (bytes += data.length))
      socket.on('error', () => {})
    })
    const url = await listen(tcp)
    const refusal = { code: 'FENCED', detail: 'a stop' } as const
    expect(await send(url, { maySend: () => refusal })).toEqual({ kind: 'not_sent', refusal })
    expect(bytes).toBe(0)
  })

  test('a connection that is refused', async () => {
    const url = await serve(() => {})
    await new Promise((resolve) => {
      servers.pop()?.close(resolve)
    })
    expect(await send(url)).toMatchObject({
      kind: 'not_sent',
      refusal: { code: 'UPSTREAM_UNAVAILABLE' },
    })
  })

  test('a host that does not exist', async () => {
    expect(await send('http://nowhere.invalid/')).toMatchObject({ kind: 'not_sent' })
  })

  test('a connection that stands only after the deadline, after a pause', async () => {
    let requests = 0
    const url = await serve((_request, response) => {
      requests += 1
      response.end()
    })
    const sending = send(url, { deadlineMs: 50 })
    // The loop is blocked from before the connection until after the deadline.
    process.nextTick(() => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 200))
    expect(await sending).toMatchObject({ kind: 'not_sent' })
    expect(requests).toBe(0)
  })

  test('the last look comes with the connection, the bytes in the same step', async () => {
    const order: string[] = []
    const url = await serve((_request, response) => {
      order.push('received')
      response.end()
    })
    await send(url, {
      maySend: () => void order.push('looked'),
      onSending: () => order.push('sending'),
    })
    expect(order).toEqual(['looked', 'sending', 'received'])
  })
})

describe('what may have happened', () => {
  test.each([
    ['cut', (socket: { destroy: () => void }) => socket.destroy()],
    ['kept silent', () => {}],
  ])('an answer that is %s', async (_title, act) => {
    const url = await serve((request) => {
      request.resume()
      request.on('end', () => act(request.socket))
    })
    expect(await send(url, { deadlineMs: 300 })).toMatchObject({ kind: 'unknown' })
  })

  test('an answer that breaks off in its body', async () => {
    const url = await serve((_request, response) => {
      response.writeHead(201, { 'content-length': '100' })
      response.write('half')
      setTimeout(() => response.destroy(), 20)
    })
    expect(await send(url)).toMatchObject({ kind: 'unknown' })
  })

  test('an answer without an end, and one that is too long', async () => {
    const url = await serve((_request, response) => {
      response.writeHead(200)
      response.write(Buffer.alloc(2_000_000))
    })
    expect(await send(url)).toMatchObject({ kind: 'unknown', detail: /longer than/ })
  })
})

describe('once', () => {
  test('no redirect is followed, whatever its status', async () => {
    const paths: string[] = []
    const url = await serve((request, response) => {
      paths.push(request.url ?? '')
      response.writeHead(307, { location: '/elsewhere' }).end()
    })
    expect(await send(url)).toMatchObject({ kind: 'answered', response: { status: 307 } })
    expect(paths).toEqual(['/say'])
  })

  test('every send has a connection of its own', async () => {
    const ports = new Set<number | undefined>()
    const url = await serve((request, response) => {
      ports.add(request.socket.remotePort)
      response.end()
    })
    await send(url)
    await send(url)
    expect(ports.size).toBe(2)
  })

  test('the exact bytes arrive, and the whole answer comes back', async () => {
    let received = ''
    const url = await serve((request, response) => {
      request.setEncoding('utf8')
      request.on('data', (text: string) => (received += text))
      request.on('end', () => response.writeHead(201, { 'x-id': '7' }).end('made'))
    })
    const outcome = await send(url)
    expect(received).toBe('once')
    expect(outcome).toMatchObject({
      kind: 'answered',
      response: { status: 201, headers: { 'x-id': '7' }, body: Buffer.from('made') },
    })
  })
})

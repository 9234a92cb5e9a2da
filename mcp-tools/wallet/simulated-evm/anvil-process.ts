import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'

import { RetryableError } from '@chimera/contracts/errors'
import { z } from 'zod'

import { openJsonRpc, type RpcCall } from '../chain/json-rpc.ts'
import { NETWORKS } from '../chain/networks.ts'

/** A chain of our own in a process of its own. */
export type Anvil = AsyncDisposable &
  Readonly<{
    url: string
    pid: number | undefined
    /** Asks it anything, its own commands too. Throws TypeError with its word when it refuses. */
    ask: (method: string, ...params: readonly unknown[]) => Promise<unknown>
    /** Resolves when the process has ended, whoever ended it. */
    ended: Promise<void>
  }>

/** It starts within half a second; a busy machine may take much longer. */
const START_MS = 30_000
const POLL_MS = 30
/** In wei, as low as Base's own when nobody is there; the chain lowers it from block to block. */
const BASE_FEE = '1000000'

/**
 * Dies with this process, however this one dies: the shell holds a pipe whose end nobody but this
 * process has. Anvil itself, not npm's wrapper of it, which would leave it behind.
 */
const SCRIPT = `
exec 3<&0
"$@" </dev/null 3<&- >/dev/null 2>&1 & child=$!
trap 'kill -TERM "$child" 2>/dev/null' INT TERM HUP
(trap - INT TERM HUP; read -r _ <&3; kill -KILL "$child") >/dev/null 2>&1 & watcher=$!
exec 3<&-; wait "$child"; status=$?
kill "$watcher" 2>/dev/null
exit "$status"
`

/** Starts anvil on a free loopback port with an empty chain. */
export async function openAnvil({ binary }: { binary: string }): Promise<Anvil> {
  const port = await freePort()
  const flags = {
    '--host': '127.0.0.1',
    '--port': String(port),
    '--chain-id': String(NETWORKS.simulated.chainId),
    '--base-fee': BASE_FEE,
    '--accounts': '1',
    // What is replayed after a restart should fit few blocks.
    '--gas-limit': '1000000000',
  }
  const words = [binary, '--silent', ...Object.entries(flags).flat()]
  const child = spawn('/bin/sh', ['-c', SCRIPT, 'chimera-anvil', ...words], {
    stdio: ['pipe', 'ignore', 'ignore'],
    env: {},
  })
  const exit = once(child, 'exit')
  const ended = exit.then(() => undefined)
  const url = `http://127.0.0.1:${port}`
  const rpc = openJsonRpc({ url, readMs: START_MS })
  const ask = async (method: string, ...params: readonly unknown[]): Promise<unknown> => {
    const call: RpcCall = { method, params }
    const [answer] = await rpc.batch([call])
    if (answer === undefined || 'fault' in answer) {
      throw new TypeError(`anvil refused ${method}: ${answer?.fault.message ?? 'no answer'}`)
    }
    return answer.result
  }
  const close = async (): Promise<void> => {
    child.kill('SIGTERM')
    await ended
  }
  try {
    await untilReady(ask, ended)
  } catch (cause) {
    await close()
    throw cause
  }
  return { url, pid: child.pid, ask, ended, [Symbol.asyncDispose]: close }
}

async function untilReady(ask: Anvil['ask'], ended: Promise<void>): Promise<void> {
  const deadline = performance.now() + START_MS
  const gone = ended.then(() => true)
  for (;;) {
    const isUp = await ask('eth_chainId').then(
      () => true,
      () => false,
    )
    if (isUp) return
    const isGone = await Promise.race([gone, sleep(POLL_MS, false)])
    if (isGone || performance.now() > deadline) {
      throw new RetryableError('UNAVAILABLE', 'anvil did not come up.')
    }
  }
}

const Listening = z.object({ port: z.int() })

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = Listening.parse(server.address())
  server.close()
  await once(server, 'close')
  return port
}

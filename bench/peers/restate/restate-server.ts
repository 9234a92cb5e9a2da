import { mkdtempSync, rmSync } from 'node:fs'
import { arch, platform, tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'

import { findFreePort } from '@chimera/infra/stack/processes/free-port'
import { onLifeline } from '@chimera/infra/stack/processes/lifeline'

import { endProcess, openLineProcess } from '../../processes/line-process.ts'
import type { JobSettings } from '../job.ts'
import { PEERS_FOLDER } from '../peers-folder.ts'

const READY_WITHIN_MS = 30_000
const STOP_WITHIN_MS = 5_000

/**
 * Restate's own server, which keeps the journal: one node, its data in a folder that goes with it.
 */
export async function openRestateServer(
  env: Readonly<Record<string, string | undefined>>,
): Promise<AsyncDisposable & { restate: NonNullable<JobSettings['restate']> }> {
  await using opening = new AsyncDisposableStack()
  const folder = mkdtempSync(join(tmpdir(), 'chimera-restate-'))
  opening.defer(() => rmSync(folder, { recursive: true, force: true }))
  const [ingress, admin, node, service] = await freePorts(4)
  const server = openLineProcess({
    // Whatever happens to the bench, the server goes with it.
    ...onLifeline('TERM', binary(), ['--no-logo']),
    cwd: folder,
    env: {
      ...env,
      RESTATE_BASE_DIR: folder,
      RESTATE_NODE_NAME: 'bench',
      RESTATE_LISTEN_MODE: 'tcp',
      RESTATE_BIND_ADDRESS: `127.0.0.1:${node}`,
      RESTATE_ADVERTISED_ADDRESS: `http://127.0.0.1:${node}`,
      RESTATE_INGRESS__BIND_ADDRESS: `127.0.0.1:${ingress}`,
      RESTATE_ADMIN__BIND_ADDRESS: `127.0.0.1:${admin}`,
      RESTATE_DISABLE_TELEMETRY: 'true',
      RESTATE_LOG_FILTER: 'error',
    },
  })
  opening.defer(() => endProcess(server, () => server.kill('SIGTERM'), STOP_WITHIN_MS))
  const restate = {
    port: service ?? 0,
    adminUrl: `http://127.0.0.1:${admin}`,
    ingressUrl: `http://127.0.0.1:${ingress}`,
  }
  const until = Date.now() + READY_WITHIN_MS
  while (!(await answers(restate))) {
    if (Date.now() > until) throw new Error(`Restate's server is not up: ${server.lastWords()}`)
    await sleep(100)
  }
  const open = opening.move()
  return { restate, [Symbol.asyncDispose]: () => open.disposeAsync() }
}

function binary(): string {
  const platformPackage = `restate-server-${platform()}-${arch()}`
  const scope = join(PEERS_FOLDER, 'node_modules', '@restatedev')
  return join(scope, platformPackage, 'bin', 'restate-server')
}

async function answers(of: { adminUrl: string; ingressUrl: string }): Promise<boolean> {
  const paths = [new URL('/health', of.adminUrl), new URL('/restate/health', of.ingressUrl)]
  const asked = await Promise.all(paths.map((url) => fetch(url).catch(() => undefined)))
  return asked.every((answer) => answer?.ok === true)
}

async function freePorts(n: number): Promise<number[]> {
  const ports = new Set<number>()
  while (ports.size < n) ports.add(await findFreePort())
  return [...ports]
}

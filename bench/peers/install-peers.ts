import { execFile } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'

import { z } from 'zod'

import type { Peer } from './peer.ts'
import { PEERS_FOLDER } from './peers-folder.ts'

/** A peer that is there, or why it is not. */
export type InstalledPeer = Readonly<{ peer: Peer; version: string; missing?: string }>

const run = promisify(execFile)
/** Half a gigabyte, most of it Restate's server and Mastra. */
const INSTALL_WITHIN_MS = 300_000

const FLAGS = ['--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error', '--save-exact']

/**
 * Installs the peers into their folder with a lock file of its own, unless they are there. When all
 * together do not install, each is tried by itself, so that one that is gone takes no other with
 * it.
 */
export async function installPeers(options: {
  peers: readonly Peer[]
  log: (sentence: string) => void
}): Promise<InstalledPeer[]> {
  const { peers, log } = options
  mkdirSync(PEERS_FOLDER, { recursive: true })
  const manifest = join(PEERS_FOLDER, 'package.json')
  // A folder with a manifest of its own: --prefix would hide the machine's npm settings.
  if (!existsSync(manifest)) writeFileSync(manifest, '{ "private": true }\n')
  const reasons = new Map<string, string>()
  const absent = peers.filter((peer) => missingOf(peer) !== undefined)
  if (absent.length > 0) {
    log(`installing ${absent.map(({ name }) => name).join(', ')} into .chimera/peers (once)`)
    const failure = await install(absent)
    if (failure !== undefined)
      for (const peer of absent) reasons.set(peer.id, (await install([peer])) ?? '')
  }
  return peers.map((peer) => {
    const version = peer.packages[peer.leading] ?? ''
    const missing = missingOf(peer)
    if (missing === undefined) return { peer, version }
    return { peer, version, missing: `${missing} ${reasons.get(peer.id) ?? ''}`.trim() }
  })
}

async function install(peers: readonly Peer[]): Promise<string | undefined> {
  const wanted = peers.flatMap(({ packages }) =>
    Object.entries(packages).map(([name, version]) => `${name}@${version}`),
  )
  try {
    await run('npm', ['install', ...FLAGS, ...wanted], {
      cwd: PEERS_FOLDER,
      timeout: INSTALL_WITHIN_MS,
    })
    return undefined
  } catch (error) {
    const said = error instanceof Error ? error.message : String(error)
    return said.replaceAll(/\s+/g, ' ').slice(-400)
  }
}

const Manifest = z.object({ version: z.string() })

/** What of it is not installed at its version; nothing when all is. */
function missingOf(peer: Peer): string | undefined {
  const lacking = Object.entries(peer.packages).filter(([name, version]) => {
    const file = join(PEERS_FOLDER, 'node_modules', name, 'package.json')
    if (!existsSync(file)) return true
    return Manifest.parse(JSON.parse(readFileSync(file, 'utf8'))).version !== version
  })
  if (lacking.length === 0) return undefined
  return `not installed: ${lacking.map(([name, version]) => `${name}@${version}`).join(', ')}.`
}

import { execFileSync, spawn, type ChildProcess } from 'node:child_process'
import { chmodSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'

import { StatusReport } from '@chimera/contracts/observable'

/** A folder for a state directory, that nobody (as whom PostgreSQL runs under root) may pass. */
export function makeStateFolder(): { folder: string; remove: () => void } {
  const folder = mkdtempSync(path.join(tmpdir(), 'chimera-stack-'))
  chmodSync(folder, 0o711)
  return { folder, remove: () => rmSync(folder, { recursive: true, force: true, maxRetries: 5 }) }
}

/** Every process that descends from this one, itself not included. */
export function descendants(pid: number): number[] {
  const rows = execFileSync('ps', ['-eo', 'pid=,ppid='])
    .toString()
    .trim()
    .split('\n')
    .map((line) => line.trim().split(/\s+/).map(Number))
  const found: number[] = []
  const queue = [pid]
  for (let parent = queue.pop(); parent !== undefined; parent = queue.pop())
    for (const [child = 0, its = 0] of rows)
      if (its === parent) {
        found.push(child)
        queue.push(child)
      }
  return found
}

/** Those that still run. A dead one that nobody has asked after (Z) does not. */
export function stillAlive(pids: readonly number[]): number[] {
  return pids.filter((pid) => {
    try {
      const state = execFileSync('ps', ['-o', 'stat=', '-p', String(pid)])
        .toString()
        .trim()
      return state !== '' && !state.startsWith('Z')
    } catch {
      return false
    }
  })
}

/** Waits until the condition holds; throws what it said last when it does not. */
export async function eventually(check: () => void | Promise<void>, withinMs: number) {
  const until = Date.now() + withinMs
  for (;;) {
    try {
      await check()
      return
    } catch (error) {
      if (Date.now() > until) throw error
      await sleep(25)
    }
  }
}

/**
 * A process of its own that runs this code until it is killed, and speaks one line when it is up.
 */
export async function startHolder(code: string): Promise<{ child: ChildProcess; said: string }> {
  const script = `${code}\nconsole.log('held')\nsetInterval(() => {}, 1000)`
  const child = spawn(process.execPath, ['--input-type=module', '-e', script], {
    cwd: path.resolve(import.meta.dirname, '..', '..'),
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let said = ''
  child.stderr.on('data', (chunk: Buffer) => {
    said += chunk.toString()
  })
  await new Promise<void>((resolve, reject) => {
    child.stdout.once('data', () => resolve())
    child.once('exit', (code_) => reject(new Error(`the holder exited with ${code_}: ${said}`)))
  })
  return { child, said }
}

export type Ran = Readonly<{ code: number | null; out: string; err: string }>

/** Runs `chimera <args>` on a state directory, to its end. */
export async function chimera(
  stateDir: string,
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<Ran> {
  const child = startChimera(stateDir, args, env)
  let [out, err] = ['', '']
  child.stdout?.on('data', (chunk: Buffer) => {
    out += chunk.toString()
  })
  child.stderr?.on('data', (chunk: Buffer) => {
    err += chunk.toString()
  })
  const code = await new Promise<number | null>((resolve) => {
    child.once('close', resolve)
  })
  return { code, out, err }
}

/** Starts `chimera <args>` and leaves it running. */
export function startChimera(
  stateDir: string,
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): ChildProcess {
  const { PATH = '', HOME = '', NODE_COMPILE_CACHE = '' } = process.env
  return spawn(
    process.execPath,
    [path.resolve(import.meta.dirname, '..', '..', 'cli', 'main.ts'), ...args],
    {
      env: {
        PATH,
        HOME,
        NODE_COMPILE_CACHE,
        CHIMERA_STATE_DIR: stateDir,
        WALLET_NETWORK: 'off',
        TRADING_TOOLS: 'off',
        WEAVIATE_SERVER: 'off',
        ...env,
      },
      stdio: ['ignore', 'pipe', 'pipe'],
    },
  )
}

/** `chimera status --json`, checked against its schema. */
export async function readStatus(stateDir: string): Promise<StatusReport> {
  return StatusReport.parse(JSON.parse((await chimera(stateDir, ['status', '--json'])).out))
}

/** `./chimera` itself, on machines made of a few commands, with an npm that fetches nothing. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'

import { afterEach, beforeEach, expect, test } from 'vitest'

import { CHECKOUT } from '../source-tree.ts'

const FIXTURES = join(import.meta.dirname, 'fixtures')
/** What the script may need of a machine, and nothing else. */
const COMMANDS = [
  'cat',
  'cmp',
  'cp',
  'dirname',
  'id',
  'mkdir',
  'mv',
  'readlink',
  'rm',
  'sh',
  'sleep',
]

let folder = ''
let checkout = ''

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "chimera launcher's "))
  checkout = join(folder, 'checkout')
  mkdirSync(join(checkout, 'cli'), { recursive: true })
  mkdirSync(join(folder, 'bin'))
  copyFileSync(join(CHECKOUT, 'chimera'), join(checkout, 'chimera'))
  writeFileSync(join(checkout, 'package-lock.json'), '{}')
  for (const command of [...COMMANDS, 'uname']) give(command, join('/bin', command))
})

afterEach(() => {
  rmSync(folder, { recursive: true, force: true })
})

/** Puts a command on the machine. */
function give(command: string, program: string): void {
  const usr = join('/usr', program)
  symlinkSync(existsSync(program) ? program : usr, join(folder, 'bin', command))
}

function giveNpm(node: 'node-20' | 'node-24'): void {
  give('npm', join(FIXTURES, 'npm'))
  give('node', join(FIXTURES, node))
}

type Outcome = { status: number | null; out: string; err: string }

async function chimera(
  args: readonly string[],
  { env = {}, script = join(checkout, 'chimera') } = {},
): Promise<Outcome> {
  const child = spawn(script, args, {
    cwd: folder,
    env: {
      PATH: join(folder, 'bin'),
      FAKE_LOG: join(folder, 'log'),
      FAKE_NODE: join(FIXTURES, 'node-24'),
      ...env,
    },
  })
  const [out, err] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    once(child, 'close'),
  ])
  return { status: child.exitCode, out, err }
}

/** What npm was asked for. */
function installs(): string[] {
  const log = join(folder, 'log')
  if (!existsSync(log)) return []
  const lines = readFileSync(log, 'utf8').trim().split('\n')
  return lines.map((line) => line.split(' ').slice(1, 3).join(' '))
}

test('with an older Node, Node 24 and the packages are fetched once', async () => {
  giveNpm('node-20')
  const first = await chimera(['goal', 'post', "it's a goal"])
  expect(first).toMatchObject({
    status: 0,
    out: expect.stringMatching(/main\.ts goal post it's a/),
  })
  expect(first.err).toContain('fetching Node 24')
  expect(installs().toSorted()).toEqual([
    'ci --omit=dev',
    expect.stringMatching(/^install node-(linux|darwin|bin).*@24\.21\.0$/),
  ])
  const second = await chimera(['status'])
  expect(second).toMatchObject({ status: 0, err: '' })
  expect(installs()).toHaveLength(2)
})

test('with Node 24 in PATH only the packages are fetched', async () => {
  giveNpm('node-24')
  expect(await chimera(['status'])).toMatchObject({ status: 0 })
  expect(installs()).toEqual(['ci --omit=dev'])
})

test('the tests get the development tools, added to what is there', async () => {
  giveNpm('node-24')
  await chimera(['status'])
  await chimera(['test'])
  await chimera(['check'])
  expect(installs()).toEqual(['ci --omit=dev', 'install --include=dev'])
})

test('a developer keeps the tools when the lock file changes', async () => {
  giveNpm('node-24')
  await chimera(['test'])
  writeFileSync(join(checkout, 'package-lock.json'), '{ "changed": true }')
  const later = new Date(Date.now() + 60_000)
  utimesSync(join(checkout, 'package-lock.json'), later, later)
  await chimera(['status'])
  expect(installs()).toEqual(['ci --include=dev', 'ci --include=dev'])
})

test('two at once install once, and both run', async () => {
  giveNpm('node-20')
  const env = { FAKE_SECONDS: '0.3' }
  const both = await Promise.all([chimera(['a'], { env }), chimera(['b'], { env })])
  expect(both.map(({ status }) => status)).toEqual([0, 0])
  expect(installs()).toHaveLength(2)
})

test('the lock of one that was killed is taken over', async () => {
  giveNpm('node-24')
  const gone = spawn('true')
  await once(gone, 'close')
  mkdirSync(join(checkout, '.chimera', 'lock'), { recursive: true })
  writeFileSync(join(checkout, '.chimera', 'lock', 'pid'), `${gone.pid}\n`)
  expect(await chimera(['status'])).toMatchObject({ status: 0 })
  expect(installs()).toEqual(['ci --omit=dev'])
})

test('when npm fails it says so, leaves no lock, and a later call works', async () => {
  giveNpm('node-20')
  const failed = await chimera(['status'], { env: { FAKE_FAILS: 'yes' } })
  expect(failed).toMatchObject({ status: 69, out: '' })
  expect(failed.err).toMatch(/npm ci failed/)
  expect(existsSync(join(checkout, '.chimera', 'lock'))).toBe(false)
  expect(await chimera(['status'])).toMatchObject({ status: 0 })
})

test('without node and npm and a package manager it says what to install', async () => {
  const bare = await chimera(['status'])
  expect(bare).toMatchObject({ status: 69, out: '' })
  expect(bare.err).toMatch(/neither Node 24 nor npm was found/)
})

test('it works through symbolic links, from any folder', async () => {
  giveNpm('node-24')
  symlinkSync('checkout/chimera', join(folder, 'one'))
  symlinkSync(join(folder, 'one'), join(folder, 'two'))
  const run = await chimera(['status'], { script: join(folder, 'two') })
  expect(run).toMatchObject({ status: 0, out: expect.stringContaining('/checkout/cli/main.ts') })
})

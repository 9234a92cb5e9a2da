/**
 * Weaviate's server as set-up of `./chimera test`: built by the Go of the machine, within a limit,
 * and where there is none, with the reason that the summary shows.
 */
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'

import { bringWeaviate } from '@chimera/cli/commands/test/bring-weaviate'
import { findNoRoom } from '@chimera/infra/stack/weaviate/build-room'
import { afterEach, beforeEach, expect, test } from 'vitest'

import { control, guarantee } from '../guarantee.ts'
import { eventually, stillAlive } from './stack-rig.ts'

let root: string
let said: string[]
beforeEach(() => {
  root = mkdtempSync(path.join(tmpdir(), 'weaviate-build-'))
  said = []
})
afterEach(() => rmSync(root, { recursive: true, force: true, maxRetries: 5 }))

const bin = (): string => path.join(root, 'bin')

/** Puts a Go on the path that says its version, and builds as it is told to. */
function putGo(version: string, install: string): void {
  const told = { GOVERSION: version, GOMODCACHE: path.join(root, 'm'), GOCACHE: root }
  const lines = [
    '#!/bin/sh',
    `if [ "$1" = env ]; then echo '${JSON.stringify(told)}'; exit; fi`,
    install,
  ]
  writeFileSync(path.join(root, 'go'), lines.join('\n'))
  chmodSync(path.join(root, 'go'), 0o755)
}

const bring = (
  of: { isTimed?: boolean; projects?: string[]; withinMs?: number; signal?: AbortSignal } = {},
): Promise<string | undefined> =>
  bringWeaviate({
    projects: of.projects ?? ['unit', 'weaviate'],
    isTimed: of.isTimed ?? true,
    // Where the machine has a Go of its own, it is not found.
    env: { PATH: existsSync(path.join(root, 'go')) ? `${root}:/usr/bin:/bin` : root },
    log: (line) => said.push(line),
    signal: of.signal ?? new AbortController().signal,
    folder: bin(),
    ...(of.withinMs === undefined ? {} : { withinMs: of.withinMs }),
  })

const MAKES = 'mkdir -p "$GOBIN"; echo made > "$GOBIN/weaviate-server"; chmod 755 "$GOBIN"/*'

test('it is built once, and found from then on', async () => {
  putGo('go1.26.8', `echo "$@" >> ${root}/calls; ${MAKES}`)
  expect(await bring()).toBeUndefined()
  expect(said.join('\n')).toMatch(/building weaviate-server .* Go 1\.26\.8[^]*built /)
  expect(await bring()).toBeUndefined()
  expect(readFileSync(path.join(root, 'calls'), 'utf8').trim().split('\n')).toEqual([
    'install -v github.com/weaviate/weaviate/cmd/weaviate-server@v1.39.0',
  ])
})

test('nobody builds it who does not ask for its tests', async () => {
  putGo('go1.26.8', `touch ${root}/called`)
  expect(await bring({ projects: ['unit', 'faults'] })).toBeUndefined()
  expect(existsSync(path.join(root, 'called'))).toBe(false)
})

test.each([
  ['no Go', undefined, '', /no Go 1\.26 or newer is on the PATH/],
  ['an older Go', 'go1.25.9', '', /Go 1\.25\.9 is older than Go 1\.26 or newer/],
  [
    'a Go that fails',
    'go1.26.0',
    'echo no route to the proxy >&2; exit 1',
    /no route to the proxy/,
  ],
])('with %s the reason is told, and nothing is left', async (_what, version, install, why) => {
  if (version !== undefined) putGo(version, install)
  expect(await bring()).toMatch(why)
  expect(said.at(-1)).toContain('Its tests are skipped.')
  expect(existsSync(path.join(bin(), 'weaviate-server'))).toBe(false)
})

test('a disk that the build would fill is left alone', () => {
  const go = { modules: path.join(root, 'm'), compiled: path.join(root, 'c', 'd') }
  const enough = findNoRoom(go, 'module@v1', { sources: 1, compiled: 1 })
  expect(enough).toBeUndefined()
  const tooMuch = { sources: 1, compiled: Number.MAX_SAFE_INTEGER }
  expect(findNoRoom(go, 'module@v1', tooMuch)).toMatch(/it takes .* GB on the disk of /)
})

/** A compiler that starts another, does not end, and is not missed when it is stopped. */
const HANGS = () => `sleep 300 & echo "$! $$" > ${root}/pids; wait`
const pids = (): number[] =>
  readFileSync(path.join(root, 'pids'), 'utf8').trim().split(' ').map(Number)

async function expectStopped(of: { isTimed: boolean }): Promise<void> {
  putGo('go1.26.8', HANGS())
  const stop = new AbortController()
  const coming = bring({ isTimed: of.isTimed, withinMs: 500, signal: stop.signal })
  try {
    const why = await Promise.race([coming, sleep(5_000, 'still being built')])
    expect(why).toMatch(/was not done within .* minutes and was stopped/)
    await eventually(() => expect(stillAlive(pids())).toEqual([]), 5_000)
  } finally {
    stop.abort()
    await coming
  }
}

const limited = { id: 'build-limit', title: 'no build outlasts its limit', n: 1, seed: 1 }
guarantee(limited, () => expectStopped({ isTimed: true }))

control({ guard: 'the limit', test: 'build-limit', expect: /still being built/ }, () =>
  expectStopped({ isTimed: false }),
)

test('whoever is called off leaves no compiler behind', async () => {
  putGo('go1.26.8', HANGS())
  const stop = new AbortController()
  const coming = bring({ signal: stop.signal })
  await eventually(() => expect(pids()).toHaveLength(2), 5_000)
  stop.abort()
  expect(await coming).toMatch(/called off/)
  await eventually(() => expect(stillAlive(pids())).toEqual([]), 5_000)
})

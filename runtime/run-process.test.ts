import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'

import { afterEach, expect, test } from 'vitest'

const children: ChildProcess[] = []
afterEach(() => {
  for (const child of children.splice(0)) child.kill('SIGKILL')
})

/** Runs a composition root given as the body of `start`. */
const startProcess = (options: {
  start: string
  sections?: string
  env?: Record<string, string>
}) => {
  const module = new URL('run-process.ts', import.meta.url).href
  const errors = new URL('../contracts/errors.ts', import.meta.url).href
  const script = `
    import { runProcess } from '${module}'
    import { InvariantError, RetryableError, TerminalError } from '${errors}'
    const sections = [${options.sections ?? ''}]
    await runProcess({ name: 'sample', sections, start: async (context) => {
      const say = (text) => context.log.info({ said: text }, text)
      ${options.start}
    } })`
  const child = spawn(process.execPath, ['--input-type=module', '--eval', script], {
    env: { ...options.env },
    stdio: 'pipe',
  })
  children.push(child)
  const lines: string[] = []
  const heard = createInterface({ input: child.stdout }).on('line', (line) => lines.push(line))
  let stderr = ''
  child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()))
  const exit = once(child, 'close').then(([code, signal]: unknown[]) => code ?? signal)
  const line = (part: string): Promise<string> =>
    new Promise((resolve) => {
      const look = () => {
        const found = lines.find((text) => text.includes(part))
        if (found !== undefined) resolve(found)
      }
      heard.on('line', look)
      look()
    })
  return { child, lines, exit, line, stderr: () => stderr }
}

const healthOf = (line: string): string => String(/"health":"([^"]+)"/.exec(line)?.[1])

test('it is ready when start has returned, and closes in reverse order on SIGTERM', async () => {
  const sample = startProcess({
    start: `
      context.stack.defer(() => say('closed first opened'))
      context.stack.defer(() => say('closed last opened'))
      return { url: 'http://here' }`,
  })
  const ready = await sample.line('"ready":true')
  expect(ready).toContain('"url":"http://here"')
  expect((await fetch(`${healthOf(ready)}/readyz`)).status).toBe(200)
  sample.child.kill('SIGTERM')
  expect(await sample.exit).toBe(0)
  const closed = sample.lines.filter((line) => line.includes('closed'))
  expect(closed.map((line) => /closed (last|first)/.exec(line)?.[1])).toEqual(['last', 'first'])
})

test('while it drains it answers 503, and a second signal changes nothing', async () => {
  const sample = startProcess({
    start: `
      const { promise, resolve } = Promise.withResolvers()
      context.stack.defer(() => { say('draining now'); return promise })
      context.health.addCheck('door', () => undefined)
      process.stdin.once('data', resolve)`,
  })
  const health = healthOf(await sample.line('"ready":true'))
  sample.child.kill('SIGINT')
  await sample.line('draining now')
  sample.child.kill('SIGTERM')
  const answer = await fetch(`${health}/readyz`)
  expect([answer.status, await answer.json()]).toEqual([
    503,
    { state: 'draining', checks: { door: 'ok' } },
  ])
  sample.child.stdin?.write('go on')
  expect(await sample.exit).toBe(0)
})

test('a supervised process ends with its standard input', async () => {
  const sample = startProcess({ start: '', env: { CHIMERA_SUPERVISED: '1' } })
  await sample.line('"ready":true')
  sample.child.stdin?.destroy()
  expect(await sample.exit).toBe(0)
})

test('a stop during the start does not wait for the start', async () => {
  const sample = startProcess({ start: `say('starting'); await new Promise(() => {})` })
  await sample.line('starting')
  sample.child.kill('SIGTERM')
  expect(await sample.exit).toBe(0)
})

test('faults of the configuration are told on stderr, all at once, with exit code 78', async () => {
  const sample = startProcess({
    start: '',
    sections: `'redis', 'goals'`,
    env: { LOG_LEVEL: 'shout', CHIMERA_TYPO: '1' },
  })
  expect(await sample.exit).toBe(78)
  expect(sample.stderr()).toMatch(
    /CHIMERA_TYPO.*\n.*GOALS_FROM_STREAM.*\n.*LOG_LEVEL.*\n.*REDIS_URL/,
  )
})

test.each([
  [
    'a rejection that nobody handled',
    `setTimeout(() => void Promise.reject(new Error('lost')), 1)`,
  ],
  ['an exception that nobody caught', `setTimeout(() => { throw new Error('lost') }, 1)`],
  ['a broken assumption', `setTimeout(() => { throw new InvariantError('lost') }, 1)`],
])('%s is logged and ends the process with 70', async (_what, start) => {
  const sample = startProcess({ start })
  expect(await sample.exit).toBe(70)
  expect(sample.lines.at(-1)).toContain('lost')
})

test.each([
  ['a server that is away', `new RetryableError('UNAVAILABLE', 'away')`, 69],
  ['a ledger that is held', `new TerminalError('LEDGER_HELD', 'held')`, 75],
  ['a defect', `new Error('defect')`, 70],
])('%s at the start ends it with its code', async (_what, error, code) => {
  expect(await startProcess({ start: `throw ${error}` }).exit).toBe(code)
})

test('an armed crash point ends it with SIGKILL and leaves its line', async () => {
  const { mkdtempSync, readFileSync, rmSync } = await import('node:fs')
  const stateDir = mkdtempSync('/tmp/chimera-run-')
  try {
    const sample = startProcess({
      start: `context.crash('worker.task.claimed'); say('survived')`,
      env: { CHIMERA_CRASH_AT: 'worker.task.claimed', CHIMERA_STATE_DIR: stateDir },
    })
    expect(await sample.exit).toBe('SIGKILL')
    expect(sample.lines.join('')).not.toContain('survived')
    expect(readFileSync(`${stateDir}/crash-points.jsonl`, 'utf8')).toContain('worker.task.claimed')
  } finally {
    rmSync(stateDir, { recursive: true })
  }
})

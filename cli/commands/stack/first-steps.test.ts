import { spawnSync } from 'node:child_process'

import { expect, test } from 'vitest'

import { firstSteps } from './first-steps.ts'

const report = {
  state: 'running' as const,
  state_dir: "/srv/it's here",
  pid: 1,
  urls: {
    gateway: 'http://127.0.0.1:7700',
    redis: "/srv/it's here/redis/redis.sock",
    postgres: 'postgres://postgres:secret@127.0.0.1:5432/chimera',
  },
  token_file: "/srv/it's here/keys/operator.token",
  roles: [],
  tools: [],
  simulated: [],
  servers: [],
}

test('the three ways to post a goal are valid shell, whatever the folder is called', () => {
  const text = firstSteps(report)
  for (const way of ['redis-cli -s', 'curl -sS', './chimera goal post']) expect(text).toContain(way)
  const commands = text
    .split('\n')
    .filter((line) => line.startsWith('  '))
    .join('\n')
  expect(spawnSync('/bin/sh', ['-n', '-c', commands]).status).toBe(0)
  const [first = ''] = commands.split('\n')
  const said = first.replace('redis-cli', "printf '%s|'")
  const echoed = spawnSync('/bin/sh', ['-c', said], { encoding: 'utf8' })
  expect(echoed.stdout).toContain(
    "-s|/srv/it's here/redis/redis.sock|XADD|chimera:goals|*|text|publish a tweet: hello, world|",
  )
})

test('no secret is printed', () => {
  expect(firstSteps(report)).not.toContain('secret')
})

test('a foreign Redis is named by its URL', () => {
  const urls = { ...report.urls, redis: 'redis://cache:6379' }
  expect(firstSteps({ ...report, urls })).toContain('redis-cli -u redis://cache:6379 XADD')
})

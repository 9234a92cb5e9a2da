import { statSync } from 'node:fs'
import { dirname, join } from 'node:path'

import { expect, test } from 'vitest'

import { socketPathsOf } from './socket-paths.ts'

const account = 'x-simulated'

test('the sockets of an account lie beside its ledger', () => {
  const { mcp, http } = socketPathsOf({ account, ledger: '/srv/chimera/ledger.sqlite' })
  expect([dirname(mcp), dirname(http)]).toEqual(['/srv/chimera', '/srv/chimera'])
  expect(mcp).not.toBe(http)
})

test('other accounts and other ledgers have others, the same ones the same', () => {
  const of = (name: string, ledger: string): string => socketPathsOf({ account: name, ledger }).mcp
  expect(of('a', '/srv/l.sqlite')).toBe(of('a', '/srv/x/../l.sqlite'))
  expect(of('a', '/srv/l.sqlite')).not.toBe(of('b', '/srv/l.sqlite'))
  expect(of('a', '/srv/l.sqlite')).not.toBe(of('a', '/srv/m.sqlite'))
})

test('a path that is too long for a socket is replaced by one of this user’s own', () => {
  const ledger = join('/srv', 'very-long-name-'.repeat(10), 'ledger.sqlite')
  const { http } = socketPathsOf({ account, ledger })
  expect(Buffer.byteLength(http)).toBeLessThan(104)
  expect(statSync(dirname(http)).mode & 0o077).toBe(0)
})

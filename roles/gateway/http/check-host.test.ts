import { describe, expect, it } from 'vitest'

import { checkHost, isLoopback } from './check-host.ts'

describe('the host of a request', () => {
  it('may be this machine under its own names', () => {
    for (const host of ['localhost', 'LOCALHOST:7700', '127.0.0.1:80', '127.1.2.3', '[::1]:7700']) {
      expect(() => checkHost(host)).not.toThrow()
    }
  })

  it('may be nothing else', () => {
    const foreign = ['evil.example', 'localhost.evil.example', '127.0.0.1.nip.io', '0.0.0.0', '']
    for (const host of [...foreign, 'localhost@evil', undefined]) {
      expect(() => checkHost(host)).toThrow('listens on loopback')
    }
  })

  it('is looked at where the gateway listens for this machine only', () => {
    expect(['127.0.0.1', 'localhost', '::1'].map(isLoopback)).toEqual([true, true, true])
    expect(['0.0.0.0', '::', '10.0.0.1', 'gateway'].map(isLoopback)).not.toContain(true)
  })
})

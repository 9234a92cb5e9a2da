/** Loaded before a process: every connection that leaves the machine is refused and noted. */
import { appendFileSync } from 'node:fs'
import { Socket } from 'node:net'

const list = process.env['REFUSED_LIST'] ?? ''
const LOOPBACK = /^(?:localhost|::1|127(?:\.\d{1,3}){3})$/
// oxlint-disable-next-line typescript/unbound-method -- called with its own `this` below
const plain = Socket.prototype.connect

function connect(this: Socket, ...given: unknown[]): Socket {
  const host = hostOf(given)
  if (host === undefined || LOOPBACK.test(host)) {
    Reflect.apply(plain, this, given)
    return this
  }
  appendFileSync(list, `${host}\n`)
  const refused = Object.assign(new Error(`refused: ${host}`), { code: 'ECONNREFUSED' })
  return this.destroy(refused)
}

/** The host of the many ways in which Node's own code calls it; undefined for a local socket. */
function hostOf(given: unknown): string | undefined {
  if (Array.isArray(given)) return given.map(hostOf).find((host) => host !== undefined)
  if (typeof given !== 'object' || given === null) return undefined
  if ('path' in given && typeof given.path === 'string') return undefined
  if ('host' in given && typeof given.host === 'string') return given.host
  return 'hostname' in given && typeof given.hostname === 'string' ? given.hostname : undefined
}

Socket.prototype.connect = connect

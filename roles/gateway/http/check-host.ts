import { DeniedError } from '@chimera/contracts/errors'

const LOOPBACK = /^(localhost|127(\.\d{1,3}){3}|\[::1\])(:\d{1,5})?$/i

/** Whether an address to listen on can be reached from this machine only. */
export const isLoopback = (address: string): boolean => LOOPBACK.test(bracketed(address))

/**
 * Refuses requests that name another host than this machine, while only this machine can reach the
 * gateway: a browser sends such after a foreign page had its own name point here (DNS rebinding).
 */
export function checkHost(host: string | undefined): void {
  if (host !== undefined && LOOPBACK.test(host)) return
  throw new DeniedError(
    'FORBIDDEN',
    'This gateway listens on loopback and answers requests to localhost or 127.0.0.1 only.',
  )
}

const bracketed = (address: string): string => (address.includes(':') ? `[${address}]` : address)

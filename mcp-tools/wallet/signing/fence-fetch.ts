/**
 * From here on `fetch` reaches the given hosts and loopback; to everything else it answers an empty
 * 204, as if it had been taken. Not a rejection: AgentKit does not await what it reports, and Node
 * ends at the first promise that nobody has caught.
 */
export function fenceFetch(hosts: readonly string[]): void {
  const open = globalThis.fetch
  const fenced: typeof fetch = async (input, init) => {
    const url = URL.parse(input instanceof Request ? input.url : String(input))
    const host = url?.hostname ?? ''
    if (hosts.includes(host) || isLoopback(host)) return open(input, init)
    return new Response(null, { status: 204 })
  }
  Object.defineProperty(globalThis, 'fetch', { value: fenced, configurable: true, writable: true })
}

function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '[::1]' || /^127(?:\.\d{1,3}){3}$/.test(host)
}

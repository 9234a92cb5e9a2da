import type { ReviewedDefinitions } from '@chimera/infra/tools/reviewed-definitions'
import { openToolClient, type ToolClient } from '@chimera/infra/tools/tool-client'
import type { Logger } from '@chimera/runtime/log'

/** One connection per tool server, kept. */
export type ToolConnections = AsyncDisposable & Readonly<{ to: (url: string) => ToolClient }>

/** One server per outside account; nobody has this many. */
const MAX_CONNECTIONS = 256

/** Opens connections when they are needed and closes the oldest when there are too many. */
export function openToolConnections(of: {
  token: string
  log: Logger
  reviewed?: ReviewedDefinitions | undefined
}): ToolConnections {
  const clients = new Map<string, ToolClient>()
  const close = (client: ToolClient): Promise<void> =>
    Promise.resolve(client[Symbol.asyncDispose]())
  return {
    to(url) {
      const known = clients.get(url)
      if (known !== undefined) return known
      const [oldest] = clients
      if (oldest !== undefined && clients.size >= MAX_CONNECTIONS) {
        clients.delete(oldest[0])
        void close(oldest[1])
      }
      const client = openToolClient({ url, ...of })
      clients.set(url, client)
      return client
    },
    async [Symbol.asyncDispose]() {
      await Promise.all([...clients.values()].map(close))
    },
  }
}

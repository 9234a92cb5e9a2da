import {
  Client,
  StreamableHTTPClientTransport,
  UnauthorizedError,
  type ClientOptions,
  type OAuthClientProvider,
} from '@modelcontextprotocol/client'

/** A connection to an MCP server, and the transport under it. */
export type McpConnection = Readonly<{ client: Client; transport: StreamableHTTPClientTransport }>

const CONNECT_TIMEOUT_MS = 5_000

/** For a server that wants OAuth instead of a token of its own. */
export type OAuthOwner = Readonly<{
  provider: OAuthClientProvider
  /** Answers what the authorization server sent back to the redirect of the provider. */
  approve: () => Promise<URLSearchParams>
}>

/**
 * Connects to an MCP server over streamable HTTP, of either era: asks for the stateless protocol
 * first. Redirects are refused, so that no token goes where it was not sent. Everything that was
 * opened is closed again when it throws. Its owner is asked once: whoever is refused after that is
 * not let in.
 */
export async function connectMcp(of: {
  url: URL
  token?: string
  owner?: OAuthOwner
  options?: ClientOptions
  /** Sets what the client answers when it is asked. */
  prepare?: (client: Client) => void
  /** For the first answer, and again for the handshake of an older server. */
  timeoutMs?: number
}): Promise<McpConnection> {
  const { timeoutMs = CONNECT_TIMEOUT_MS } = of
  for (let approvals = 0; ; approvals += 1) {
    const connection = open({ ...of, timeoutMs })
    const { client, transport } = connection
    try {
      await client.connect(transport, { timeout: timeoutMs })
      return connection
    } catch (error) {
      const { owner } = of
      const mayAsk = error instanceof UnauthorizedError && approvals === 0
      try {
        if (owner === undefined || !mayAsk) throw error
        await transport.finishAuth(await owner.approve())
      } finally {
        await client.close().catch(() => undefined)
      }
    }
  }
}

function open(of: Parameters<typeof connectMcp>[0] & { timeoutMs: number }): McpConnection {
  const { token, owner, options, timeoutMs } = of
  const client = new Client(
    { name: 'chimera-worker', version: '1' },
    { versionNegotiation: { mode: 'auto', probe: { timeoutMs } }, ...options },
  )
  of.prepare?.(client)
  const transport = new StreamableHTTPClientTransport(of.url, {
    requestInit: {
      redirect: 'error',
      ...(token === undefined ? {} : { headers: { authorization: `Bearer ${token}` } }),
    },
    ...(owner === undefined ? {} : { authProvider: owner.provider }),
  })
  return { client, transport }
}

import { connectMcp } from '@chimera/infra/tools/connect-mcp'
import { UnauthorizedError, type Client, type ClientOptions } from '@modelcontextprotocol/client'
import { z } from 'zod'

import { createTestProvider } from './oauth-provider.ts'

type Given = Readonly<{ scenario: string; url: URL; context: unknown }>

const Registered = z.object({ client_id: z.string(), client_secret: z.string() })
const Calls = z.object({
  toolCalls: z.array(z.object({ name: z.string(), arguments: z.record(z.string(), z.unknown()) })),
})

/** The suite starts some forty clients at once. */
const TIMEOUT_MS = 25_000

/** Connects and does what the scenario waits for. Throws what the client throws. */
export async function runScenario(given: Given): Promise<void> {
  const { scenario } = given
  if (scenario.startsWith('auth/')) return runAuthorized(given)
  const { client } = await connectMcp({
    url: given.url,
    timeoutMs: TIMEOUT_MS,
    ...answering(scenario),
  })
  await act(client, given)
  await client.close()
}

/** Everything that the scenarios look at, as far as the server offers it. */
async function act(client: Client, { scenario, context }: Given): Promise<void> {
  const { tools } = await client.listTools()
  if (scenario === 'json-schema-ref-no-deref') return
  const given = Calls.safeParse(context)
  const calls = given.success
    ? given.data.toolCalls
    : tools.map(({ name }) => ({ name, arguments: argumentsOf(name) }))
  for (const call of calls) {
    // A server of this revision has to say whether a result is complete: the client may refuse it.
    const mayFail = call.name === 'test_mrtr_no_result_type'
    await client.callTool(call).catch((error: unknown) => {
      if (!mayFail) throw error
    })
  }
  const offers = client.getServerCapabilities()
  if (offers?.resources !== undefined) {
    for (const { uri } of (await client.listResources()).resources) {
      await client.readResource({ uri })
    }
  }
  if (offers?.prompts !== undefined) {
    for (const { name } of (await client.listPrompts()).prompts) await client.getPrompt({ name })
  }
}

const argumentsOf = (tool: string): Record<string, unknown> =>
  tool === 'add_numbers' ? { a: 5, b: 3 } : {}

/** A client that can be asked: it accepts, with what the server proposes. */
function answering(scenario: string): {
  options?: ClientOptions
  prepare?: (client: Client) => void
} {
  if (!/elicitation|request-state/.test(scenario)) return {}
  return {
    options: { capabilities: { elicitation: { form: { applyDefaults: true } } } },
    prepare: (client) => {
      const content = scenario.includes('defaults') ? {} : { confirmed: true }
      client.setRequestHandler('elicitation/create', async () => ({ action: 'accept', content }))
    },
  }
}

async function runAuthorized({ url, context, scenario }: Given): Promise<void> {
  const registered = Registered.safeParse(context)
  const provider = createTestProvider(registered.data)
  const owner = { provider, approve: async () => provider.answer() }
  const { client, transport } = await connectMcp({ url, owner, timeoutMs: TIMEOUT_MS })
  const request = async (ask: () => Promise<unknown>): Promise<void> => {
    try {
      await ask()
    } catch (error) {
      if (!(error instanceof UnauthorizedError)) throw error
      await transport.finishAuth(provider.answer())
      await ask()
    }
  }
  await request(async () => client.listTools())
  const rounds = scenario === 'auth/authorization-server-migration' ? 2 : 1
  for (let round = 0; round < rounds; round += 1) {
    await request(async () => client.callTool({ name: 'test-tool', arguments: {} }))
  }
  await client.close()
}

/**
 * A process that makes the vectors of a tenant anew with a model until nothing is left, or until it
 * is killed. What to do is its one argument.
 */
import { openDatabase } from '@chimera/infra/database/open-database'
import { modelEmbedder } from '@chimera/infra/memory/embedding/model-embedder'
import { openPostgresMemory } from '@chimera/infra/memory/postgres/postgres-memory'
import { openWeaviateMemory } from '@chimera/infra/memory/weaviate/weaviate-memory'
import { openLog } from '@chimera/runtime/log'
import { z } from 'zod'

const Order = z.strictObject({
  elsewhere: z.union([
    z.strictObject({ databaseUrl: z.string() }),
    z.strictObject({ url: z.string(), grpcUrl: z.string(), apiKey: z.string().optional() }),
  ]),
  tenantId: z.uuid(),
  baseUrl: z.string(),
  version: z.string(),
  limit: z.int(),
})

const { elsewhere, tenantId, baseUrl, version, limit } = Order.parse(
  JSON.parse(process.argv[2] ?? ''),
)
const embedder = modelEmbedder({
  baseUrl,
  model: 'nomic',
  version,
  apiKey: undefined,
  timeoutMs: 30_000,
})
await using stack = new AsyncDisposableStack()
const store = stack.use(
  'databaseUrl' in elsewhere
    ? openPostgresMemory({
        database: stack.use(
          openDatabase({
            url: elsewhere.databaseUrl,
            name: 're-embed-process',
            log: openLog({ name: 're-embed-process', level: 'silent' }),
            role: 'chimera_swarm',
          }),
        ),
        embedder,
        scopeOf: () => ({ tenantIds: [tenantId] }),
      })
    : openWeaviateMemory({
        ...elsewhere,
        apiKey: elsewhere.apiKey,
        timeoutMs: 20_000,
        embedder,
      }),
)
while ((await store.reEmbed({ tenantId, limit })).found > 0);

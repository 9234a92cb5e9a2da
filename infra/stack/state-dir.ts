import { chmod, mkdir } from 'node:fs/promises'
import path from 'node:path'

/** Where everything of one stack lives. All paths are absolute. */
export type StateDirPaths = Readonly<{
  root: string
  keys: string
  logs: string
  simulated: string
  ledgers: string
  /** Images by SHA-256, for tweets. */
  media: string
  postgres: string
  redis: string
  /** Of a Weaviate that the stack starts; made by its first start. */
  weaviate: string
  /** Written by a process that was told to die at a crash point. */
  crashPoints: string
  /** What the simulated wallet may do; the operator's to edit. */
  walletLimits: string
  /** Ports and sockets that stay the same from one start to the next. */
  stackFile: string
  /** Held by the one supervisor of this state directory. */
  lockFile: string
  keyFiles: Readonly<{
    grantPrivate: string
    grantJwks: string
    receiptJwks: string
    operatorToken: string
    controlToken: string
    stopToken: string
    mcpToken: string
    /** Hashes of the tokens of MCP clients. */
    toolClients: string
    simulatedXToken: string
    /** With it the swarm's tools ask the gateway; not the operator's, which may do everything. */
    swarmGatewayToken: string
    /** Opens the swarm's tools to the operator of this machine; Workers do not have it. */
    swarmToken: string
    /** The operator's own: it alone lowers kill levels. */
    killToken: string
    postgresPassword: string
    /** Its gRPC port listens on all addresses: nobody is answered without this. */
    weaviateKey: string
    /** The way of the gateway to the record: a login that sees what its role sees. */
    gatewayDatabaseUrl: string
    /** The same of Planner, Worker, Judge and Keeper. */
    swarmDatabaseUrl: string
    /** Of the paper account at the simulated exchange. */
    simulatedExchangeKey: string
    /** Of the simulated wallet; a live one's is never kept here. */
    walletKey: string
  }>
  /** The private key with which one tool server signs its receipts. */
  receiptPrivate: (tool: string) => string
  ledger: (tool: string, account: string) => string
  /** The append-only record of a simulated provider. */
  simulatedRecord: (name: string) => string
}>

/** The folder of this checkout: the one that holds `cli/main.ts`. */
export function checkoutRoot(): string {
  return path.resolve(import.meta.dirname, '..', '..')
}

/** `CHIMERA_STATE_DIR`, else `.chimera/state` of the checkout. */
export function findStateDir(env: { readonly CHIMERA_STATE_DIR?: string | undefined }): string {
  const chosen = env.CHIMERA_STATE_DIR
  if (chosen === undefined || chosen === '') return path.join(checkoutRoot(), '.chimera', 'state')
  return path.resolve(chosen)
}

/** Names only; nothing is read or made. */
export function stateDirPaths(root: string): StateDirPaths {
  const at = (...names: string[]): string => path.join(root, ...names)
  return {
    root,
    keys: at('keys'),
    logs: at('logs'),
    simulated: at('simulated'),
    ledgers: at('ledgers'),
    media: at('media'),
    postgres: at('postgres'),
    redis: at('redis'),
    weaviate: at('weaviate'),
    crashPoints: at('crash-points.jsonl'),
    walletLimits: at('wallet-limits.json'),
    stackFile: at('stack.json'),
    lockFile: at('supervisor.lock'),
    keyFiles: {
      grantPrivate: at('keys', 'judge-grant.private.jwk.json'),
      grantJwks: at('keys', 'grant-keys.jwks.json'),
      receiptJwks: at('keys', 'receipt-keys.jwks.json'),
      operatorToken: at('keys', 'operator.token'),
      controlToken: at('keys', 'control.token'),
      stopToken: at('keys', 'stop.token'),
      mcpToken: at('keys', 'mcp.token'),
      toolClients: at('keys', 'tool-clients.json'),
      simulatedXToken: at('keys', 'simulated-x.token'),
      swarmGatewayToken: at('keys', 'swarm-gateway.token'),
      swarmToken: at('keys', 'swarm.token'),
      killToken: at('keys', 'kill.token'),
      postgresPassword: at('keys', 'postgres.password'),
      weaviateKey: at('keys', 'weaviate.key'),
      gatewayDatabaseUrl: at('keys', 'gateway.database-url'),
      swarmDatabaseUrl: at('keys', 'swarm.database-url'),
      simulatedExchangeKey: at('keys', 'simulated-exchange.key'),
      walletKey: at('keys', 'wallet-simulated.key'),
    },
    receiptPrivate: (tool) => at('keys', `${tool}-receipt.private.jwk.json`),
    ledger: (tool, account) => at('ledgers', tool, `${account}.sqlite`),
    simulatedRecord: (name) => at('simulated', `${name}.jsonl`),
  }
}

/**
 * Makes the folders, closed to others. Under root two of them may be entered by others (0711),
 * because PostgreSQL runs as nobody then; neither can be listed, and everything else is 0700 or
 * 0600.
 */
export async function prepareStateDir(root: string): Promise<StateDirPaths> {
  const paths = stateDirPaths(root)
  const mayOthersPass = process.getuid?.() === 0 ? 0o711 : 0o700
  await makeFolder(paths.root, mayOthersPass)
  await makeFolder(paths.postgres, mayOthersPass)
  const { keys, logs, simulated, ledgers, media, redis } = paths
  for (const folder of [keys, logs, simulated, ledgers, media, redis])
    await makeFolder(folder, 0o700)
  return paths
}

async function makeFolder(folder: string, mode: number): Promise<void> {
  await mkdir(folder, { recursive: true })
  await chmod(folder, mode)
}

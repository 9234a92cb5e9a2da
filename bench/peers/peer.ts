/** A framework that is measured beside Chimera, and what it takes to run its three-step job. */
export type Peer = Readonly<{
  /** Short, as in a file name and in JSON. */
  id: 'langgraph' | 'mastra' | 'dbos' | 'restate' | 'bullmq' | 'graphile' | 'graphile-gathered'
  name: string
  /** The package whose version stands for the peer in a report. */
  leading: string
  /** Exact versions that were seen to install and run together. */
  packages: Readonly<Record<string, string>>
  /** How it comes back after the death of its process, by its own documentation. */
  recovery: string
  /** Whether it finds its interrupted work itself; else the application has to name it. */
  recoversByItself: boolean
  /** Jobs that it does in some seconds on two cores: what one burst of `bench/peers` is. */
  burst: number
}>

/** Where the servers of a run are. */
export type PeerServers = Readonly<{
  /** A database of this peer alone. */
  databaseUrl: string
  /** The path of a Unix socket. */
  redisSocket: string
}>

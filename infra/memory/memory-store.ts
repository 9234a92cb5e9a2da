import type { Memory, Recalled } from '@chimera/contracts/judging/memory'

/** Whose memories, and what about. */
export type Question = Readonly<{
  tenantId: string
  agentId: string
  question: string
  limit: number
  /** Leaves out what strangers wrote, or may have. */
  onlyTrusted?: boolean
}>

export type MemoryPage = Readonly<{
  tenantId: string
  agentId?: string | undefined
  /** The last id of the page before. */
  before?: string | undefined
  limit: number
}>

/**
 * The memory of all agents. Throws RetryableError(UNAVAILABLE) when it cannot be reached in time;
 * whoever asks goes on without.
 */
export type MemoryStore = AsyncDisposable &
  Readonly<{
    backend: 'postgres' | 'weaviate'
    /** What its vectors are made by, with the version. */
    embedder: string
    /**
     * Keeps memories of one tenant; what is there under an id stays as it is, so that it may be
     * told twice. What is kept is recalled from then on, whoever asks. Beyond MAX_MEMORIES_OF_AGENT
     * the agent's oldest and least useful leave.
     */
    remember: (tenantId: string, memories: readonly Memory[]) => Promise<void>
    /**
     * The memories of one agent that answer the question best, the best first; none when nothing
     * fits. Throws ConflictError(MEMORY_EMBEDDER_MIXED) when the agent has memories whose vectors
     * another embedder made: they cannot be compared.
     */
    recall: (of: Question) => Promise<Recalled[]>
    /** Forgets memories by id; answers those that were there. */
    forget: (tenantId: string, ids: readonly string[]) => Promise<string[]>
    /** One memory by its id. */
    find: (tenantId: string, id: string) => Promise<Memory | undefined>
    /** Newest first, by id. */
    list: (of: MemoryPage) => Promise<Memory[]>
    /** Throws what keeps it from answering. */
    check: () => Promise<void>
  }>

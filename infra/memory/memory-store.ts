import type { Memory, Recalled } from '@chimera/contracts/judging/memory'
import type { MovePlace, MoveStep } from '@chimera/contracts/judging/memory-upkeep'

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

/** Memories of a tenant, or of one agent of it. */
export type Ownership = Readonly<{ tenantId: string; agentId?: string | undefined }>

/** What one step of a move is asked for. */
export type MoveOrder = Readonly<{
  place: MovePlace | null
  limit: number
  /** Whether vectors are to be made anew though the layout is the right one. */
  isRenewal: boolean
  /** Whether what was left may be taken away. */
  dropsOld: boolean
}>

/** How many memories there are, and how many of them have vectors of another embedder. */
export type VectorCount = Readonly<{ held: number; stale: number }>

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
    /** Counts memories, and those that `reEmbed` has to do. */
    countVectors: (of: Ownership) => Promise<VectorCount>
    /**
     * Makes vectors anew for at most `limit` memories whose vectors another embedder made, and says
     * how many it `found`, none when nothing is left, and how many it `renewed`. Each memory says
     * itself who made its vector: whoever dies in the middle goes on where he was, and two at once
     * do the same twice. Throws what the embedder throws, with nothing changed, and
     * ConflictError(MEMORY_VECTOR_SIZE) where all vectors of the tenant have to change together.
     */
    reEmbed: (of: Ownership & { limit: number }) => Promise<{ found: number; renewed: number }>
    /**
     * One step of bringing all memories of all tenants into the layout of today, or, as
     * a renewal, to vectors of this embedder whatever their size: `place` is that of the step
     * before. Recall goes on with what there was until the last step.
     */
    migrate: (of: MoveOrder) => Promise<MoveStep>
    /** Throws what keeps it from answering. */
    check: () => Promise<void>
  }>

import { ConflictError } from '@chimera/contracts/errors'

/** Two embedders made the vectors that a recall would compare. */
export const mixedError = (of: { agentId: string; embedder: string }): ConflictError =>
  new ConflictError(
    'MEMORY_EMBEDDER_MIXED',
    `Memories of ${of.agentId} have vectors of another embedder than ${of.embedder}: run ` +
      '`chimera memory re-embed`, or go back to the embedder before (docs/memory.md).',
  )

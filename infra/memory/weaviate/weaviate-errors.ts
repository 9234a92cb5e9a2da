/** What the server's own words mean; the client passes them on and gives no codes. */
import { ChimeraError, ConflictError, RetryableError } from '@chimera/contracts/errors'

/** A tenant is made by its first memory. */
export const isNoTenant = (error: unknown): boolean =>
  error instanceof Error && /tenant not found|tenant .*not found/i.test(error.message)

/** An object that is to be changed is not there. */
export const isGone = (error: unknown): boolean =>
  error instanceof Error && error.message.includes('status code: 404')

/** OBJECTS_TTL_DELETE_SCHEDULE is not set there. */
export const isWithoutSchedule = (error: unknown): boolean =>
  error instanceof Error && error.message.includes('OBJECTS_TTL_DELE')

/** All vectors of a tenant have one size: that of the first. */
const isOfOtherSize = (message: string): boolean =>
  /vectors? with length|vector dimensions do not match|vector lengths don't match/.test(message)

export const vectorSizeError = (of: { name: string }, cause?: unknown): ConflictError =>
  new ConflictError(
    'MEMORY_VECTOR_SIZE',
    `Vectors of ${of.name} have another size than those that are there: run \`chimera memory ` +
      're-embed` for all agents, which copies them into a collection of their own.',
    { cause },
  )

/** An error as those who ask for memories know it. */
export function translated(error: unknown, of: { embedder: string }): ChimeraError {
  if (error instanceof ChimeraError) return error
  if (error instanceof Error && isOfOtherSize(error.message)) {
    return vectorSizeError({ name: of.embedder }, error)
  }
  const message = 'Weaviate does not answer; is it running?'
  return new RetryableError('UNAVAILABLE', message, { cause: error })
}

/** What a batch did not take. */
export function refusal(said: string | undefined, embedder: { name: string }): ChimeraError {
  if (said !== undefined && isOfOtherSize(said)) return vectorSizeError(embedder)
  const message = `Weaviate took not every memory: ${said ?? 'it does not say why'}`
  return new RetryableError('UNAVAILABLE', message)
}

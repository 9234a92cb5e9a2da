/**
 * Has weaviate-client say nothing of its retries. It writes each to the console, with a stack trace
 * that no log level, redaction or reader of our lines of JSON ever sees, and has no setting for it;
 * what came of the last one is thrown, and told by whoever asked. The object is the client's own
 * (3.14.0) and not exported: it is reached by its file, and the test of this is red when it moves.
 */
export async function quietRetries(): Promise<void> {
  const retries = await findRetries()
  if (retries !== undefined) retries['onRetryableError'] = () => {}
}

/** What the client gives its gRPC library with every request; nothing where it has moved. */
export async function findRetries(): Promise<Record<string, unknown> | undefined> {
  const file = new URL('grpc/retry.js', import.meta.resolve('weaviate-client'))
  const module: unknown = await import(file.href).catch(() => undefined)
  const options = isObject(module) ? module['retryOptions'] : undefined
  return isObject(options) ? options : undefined
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null

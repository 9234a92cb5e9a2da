import { RetryableError } from '@chimera/contracts/errors'

import { parsePrivateKey } from './private-key.ts'

/** How AWS Secrets Manager is reached; without credentials, by the machine's own role. */
export type SecretStore = Readonly<{
  secretId: string
  region: string
  endpoint?: string
  credentials?: Readonly<{ accessKeyId: string; secretAccessKey: string; sessionToken?: string }>
}>

const ATTEMPTS = 3

/**
 * Reads the key of the wallet from AWS Secrets Manager, at run time and into memory only (C25).
 * Throws RetryableError with the service's own name for what went wrong, and never its message,
 * which may hold what was asked.
 */
export async function readSecretsManagerKey(options: SecretStore): Promise<`0x${string}`> {
  const { secretId, ...rest } = options
  const { GetSecretValueCommand, SecretsManagerClient } =
    await import('@aws-sdk/client-secrets-manager')
  const client = new SecretsManagerClient({ ...rest, maxAttempts: ATTEMPTS })
  try {
    const { SecretString: text } = await client.send(
      new GetSecretValueCommand({ SecretId: secretId }),
    )
    if (text === undefined) throw new TypeError('The secret of WALLET_SECRET_ID is no text.')
    return parsePrivateKey(text)
  } catch (cause) {
    if (cause instanceof TypeError) throw cause
    const name = cause instanceof Error ? cause.name : 'unknown reason'
    const message = `The key of the wallet cannot be read from AWS Secrets Manager (${name}).`
    throw new RetryableError('UPSTREAM_UNAVAILABLE', message)
  } finally {
    client.destroy()
  }
}

import { installWallet } from '@chimera/infra/stack/wallet/wallet-package'

/** The project with the tests of the wallet. */
const PROJECT = 'processes'

/**
 * Set-up, once per checkout: AgentKit and anvil, by the wallet's own lock file. Where they cannot
 * be had, those tests are skipped, and say so.
 */
export async function bringWallet(
  projects: readonly string[],
  { log, signal }: { log: (line: string) => void; signal: AbortSignal },
): Promise<void> {
  if (!projects.includes(PROJECT)) return
  try {
    await installWallet({ log, signal })
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause)
    log(`${why}\nThe tests of the wallet that need AgentKit or anvil are skipped.`)
  }
}

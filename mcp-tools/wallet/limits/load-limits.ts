import { readFileSync } from 'node:fs'

import { ConfigError } from '@chimera/runtime/config'

import { WalletLimits } from './wallet-limits.ts'

/**
 * Reads the operator's limits. Throws ConfigError with all faults by their place in the file;
 * without limits there is no wallet.
 */
export function loadLimits(file: string): WalletLimits {
  const parsed = WalletLimits.safeParse(readJson(file))
  if (parsed.success) return parsed.data
  throw new ConfigError(
    parsed.error.issues.map(({ path, message }) => ({
      pointer: `WALLET_LIMITS_FILE ${path.join('.')}`.trim(),
      detail: message,
    })),
  )
}

function readJson(file: string): unknown {
  try {
    return JSON.parse(readFileSync(file, 'utf8'))
  } catch (cause) {
    const reason = cause instanceof SyntaxError ? 'is no JSON' : 'cannot be read'
    throw new ConfigError([
      { pointer: 'WALLET_LIMITS_FILE', detail: `names a file that ${reason}` },
    ])
  }
}

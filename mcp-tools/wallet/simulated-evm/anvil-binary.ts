import { existsSync } from 'node:fs'
import { join } from 'node:path'

const PLATFORMS: Readonly<Record<string, string>> = {
  'linux-x64': 'linux-amd64',
  'linux-arm64': 'linux-arm64',
  'darwin-x64': 'darwin-amd64',
  'darwin-arm64': 'darwin-arm64',
}

/** Where npm has put anvil for this machine; undefined when it has not. */
export function anvilBinary(): string | undefined {
  const platform = PLATFORMS[`${process.platform}-${process.arch}`]
  if (platform === undefined) return undefined
  const folder = join(import.meta.dirname, '..', 'node_modules', '@foundry-rs')
  const binary = join(folder, `anvil-${platform}`, 'bin', 'anvil')
  return existsSync(binary) ? binary : undefined
}

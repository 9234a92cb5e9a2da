import { existsSync } from 'node:fs'
import { delimiter, join } from 'node:path'

/**
 * The anvil of this machine: npm's where it has one (Linux on x64), else the one that Foundry has
 * put into the search path. Undefined where there is none.
 */
export function anvilBinary(searchPath: string): string | undefined {
  const folder = join(import.meta.dirname, '..', 'node_modules', '@foundry-rs')
  const own = join(folder, 'anvil-linux-amd64', 'bin')
  const isOwn = process.platform === 'linux' && process.arch === 'x64'
  const folders = [...(isOwn ? [own] : []), ...searchPath.split(delimiter).filter(Boolean)]
  return folders.map((each) => join(each, 'anvil')).find((binary) => existsSync(binary))
}

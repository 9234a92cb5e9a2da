import { access, constants } from 'node:fs/promises'
import path from 'node:path'

import { checkoutRoot } from '../state-dir.ts'

/** The program, wherever it comes from. */
export const WEAVIATE_PROGRAM = 'weaviate-server'

/** Where a server is kept that was built here: all stacks of the checkout share it. */
export const weaviateFolder = (): string => path.join(checkoutRoot(), '.chimera', 'bin')

/**
 * The server of the search path, else the one that was built here; nothing where there is none. It
 * is not asked for its version: that takes as long as a start.
 */
export async function findWeaviateBinary(
  searchPath: string,
  built = weaviateFolder(),
): Promise<string | undefined> {
  const listed = searchPath.split(path.delimiter).filter((folder) => path.isAbsolute(folder))
  for (const folder of [...listed, built]) {
    const file = path.join(folder, WEAVIATE_PROGRAM)
    const isProgram = await access(file, constants.X_OK).then(
      () => true,
      () => false,
    )
    if (isProgram) return file
  }
  return undefined
}

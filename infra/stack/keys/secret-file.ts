import { chmod, link, readFile, rename, rm, writeFile } from 'node:fs/promises'

/**
 * The secret in this file, made by `create` when there is none. Readable by its owner only, and
 * never half written: the file is linked into its place, and the first of two writers wins.
 */
export async function keepSecret(
  file: string,
  create: () => string | Promise<string>,
): Promise<string> {
  const kept = await readFile(file, 'utf8').catch((error: unknown) => {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined
    throw error
  })
  if (kept !== undefined && kept.trim() !== '') {
    await chmod(file, 0o600)
    return kept.trim()
  }
  await rm(file, { force: true })
  const fresh = `${file}.${process.pid}`
  await writeFile(fresh, `${await create()}\n`, { mode: 0o600 })
  try {
    await link(fresh, file)
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error
  } finally {
    await rm(fresh, { force: true })
  }
  return (await readFile(file, 'utf8')).trim()
}

/** Puts another secret in the place of what the file had; readers see one of them, and whole. */
export async function replaceSecret(file: string, secret: string): Promise<void> {
  const fresh = `${file}.${process.pid}`
  await rm(fresh, { force: true })
  await writeFile(fresh, `${secret}\n`, { mode: 0o600 })
  await rename(fresh, file)
}

import { join } from 'node:path'

/**
 * Where the packages of the peers are installed: a folder of their own below the checkout's
 * `.chimera`, never in a manifest of the product.
 */
export const PEERS_FOLDER = join(import.meta.dirname, '..', '..', '.chimera', 'peers')

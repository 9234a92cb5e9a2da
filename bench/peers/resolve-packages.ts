/**
 * Preloaded (`node --import`) into every program of a peer: what the checkout does not know by name
 * is looked for in the peers' folder.
 */
import { registerHooks } from 'node:module'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'

import { PEERS_FOLDER } from './peers-folder.ts'

const from = pathToFileURL(join(PEERS_FOLDER, 'package.json')).href

registerHooks({
  resolve: (specifier, context, nextResolve) => {
    try {
      return nextResolve(specifier, context)
    } catch (error) {
      if (specifier.startsWith('.') || specifier.startsWith('node:')) throw error
      return nextResolve(specifier, { ...context, parentURL: from })
    }
  },
})

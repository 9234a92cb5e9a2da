/** Reads the checkout for the tests of its own shape: packages, sources and their syntax trees. */
import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

import { parseAst } from 'vitest/node'
import { z } from 'zod'

/** The checkout that these tests belong to. */
export const CHECKOUT = join(import.meta.dirname, '..')

/** A workspace of the root manifest. */
export type Package = { folder: string; name: string; dependencies: readonly string[] }

/** A node of a syntax tree (ESTree with TypeScript's additions). */
export type SyntaxNode = { type: string; start: number; end: number; [key: string]: unknown }

/** A TypeScript file: its path from the root with forward slashes, its text and its syntax tree. */
export type SourceFile = { path: string; text: string; program: SyntaxNode }

/**
 * All that the rules look at. `tools` are the development dependencies, which only tests may use.
 */
export type SourceTree = {
  packages: readonly Package[]
  tools: readonly string[]
  sources: readonly SourceFile[]
}

const Dependencies = z.record(z.string(), z.string()).default({})
const Manifest = z.object({
  name: z.string(),
  workspaces: z.array(z.string()).default([]),
  dependencies: Dependencies,
  optionalDependencies: Dependencies,
  peerDependencies: Dependencies,
  devDependencies: Dependencies,
})

/**
 * Packages that are no workspaces, because they are installed only where they are enabled: what
 * they take from the checkout stands among their peers.
 */
const APART = ['mcp-tools/wallet']

/** Folders that hold nothing of the house's own. */
const FOREIGN = ['**/node_modules', '.chimera', '.git', '**/fixtures']

/** Paths of the checkout's own files that fit the pattern, in order. */
export function listFiles(pattern: string, { root = CHECKOUT }: { root?: string } = {}): string[] {
  return globSync(pattern, { cwd: root, exclude: FOREIGN })
    .map((path) => path.replaceAll('\\', '/'))
    .toSorted()
}

/** Reads a whole checkout. */
export function readTree({ root = CHECKOUT }: { root?: string } = {}): SourceTree {
  const readManifest = (folder: string) =>
    Manifest.parse(JSON.parse(readFileSync(join(root, folder, 'package.json'), 'utf8')))
  const manifest = readManifest('.')
  return {
    packages: [...manifest.workspaces, ...APART].map((folder) => {
      const { name, dependencies, optionalDependencies, peerDependencies } = readManifest(folder)
      const named = { ...dependencies, ...optionalDependencies, ...peerDependencies }
      return { folder, name, dependencies: Object.keys(named) }
    }),
    tools: Object.keys(manifest.devDependencies),
    sources: listFiles('**/*.ts', { root }).map((path) =>
      parseSource({ path, text: readFileSync(join(root, path), 'utf8') }),
    ),
  }
}

/** Throws a SyntaxError for text that is not TypeScript. */
export function parseSource({ path, text }: { path: string; text: string }): SourceFile {
  // Its heir, parseSync, is vite's, and vitest hands on only this one.
  // oxlint-disable-next-line typescript/no-deprecated
  const program: unknown = parseAst(text, { lang: 'ts' }, path)
  if (!isNode(program)) throw new Error(`${path} did not parse to a syntax tree.`)
  return { path, text, program }
}

/** Whether the file is a test and not a part of a product package. */
export function isTest(path: string): boolean {
  return path.endsWith('.test.ts')
}

/** Calls `visit` for the node and every node below it, with the nodes above it, nearest last. */
export function walk(
  node: SyntaxNode,
  visit: (node: SyntaxNode, above: readonly SyntaxNode[]) => void,
  above: readonly SyntaxNode[] = [],
): void {
  visit(node, above)
  for (const value of Object.values(node)) {
    for (const child of Array.isArray(value) ? value : [value]) {
      if (isNode(child)) walk(child, visit, [...above, node])
    }
  }
}

/** Whether the value is a node of a syntax tree. */
export function isNode(value: unknown): value is SyntaxNode {
  return typeof value === 'object' && value !== null && 'type' in value && 'start' in value
}

/** The line of a position in the text, counted from 1. */
export function lineOf(text: string, position: number): number {
  return text.slice(0, position).split('\n').length
}

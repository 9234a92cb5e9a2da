import { posix } from 'node:path'

import { isNode, lineOf, type SourceFile, type SyntaxNode, walk } from '../source-tree.ts'

/** One import of a file: static, re-exported, dynamic, or a type's `import('...')`. */
export type Import = { file: string; line: number; specifier: string }

const NODES_WITH_SOURCE = new Set([
  'ImportDeclaration',
  'ExportNamedDeclaration',
  'ExportAllDeclaration',
  'ImportExpression',
  'TSImportType',
])

/** Every import of the file whose specifier is written out. */
export function importsOf({ path, text, program }: SourceFile): Import[] {
  const imports: Import[] = []
  walk(program, (node) => {
    const specifier = NODES_WITH_SOURCE.has(node.type) ? specifierOf(node) : undefined
    if (specifier !== undefined) {
      imports.push({ file: path, line: lineOf(text, node.start), specifier })
    }
  })
  return imports
}

/** The name of the package in a bare specifier: `@scope/name` or `name`. */
export function packageOf(specifier: string): string {
  const [first = '', second] = specifier.split('/')
  return first.startsWith('@') && second !== undefined ? `${first}/${second}` : first
}

/** The path from the root that a relative specifier means. */
export function resolveRelative({ file, specifier }: Import): string {
  return posix.join(posix.dirname(file), specifier)
}

function specifierOf({ source }: SyntaxNode): string | undefined {
  if (!isNode(source)) return undefined
  return typeof source['value'] === 'string' ? source['value'] : undefined
}

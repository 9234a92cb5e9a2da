import { isNode, isTest, lineOf, type SourceFile, type SyntaxNode, walk } from '../source-tree.ts'
import { PURE } from './rules.ts'

/** Every use of clock, chance or I/O in a pure folder, as a sentence with its place. */
export function checkPurity(sources: readonly SourceFile[]): string[] {
  return sources
    .filter(({ path }) => PURE.folders.some((folder) => path.startsWith(`${folder}/`)))
    .filter(({ path }) => !isTest(path))
    .flatMap((source) => impurities(source))
}

function impurities({ path, text, program }: SourceFile): string[] {
  const found: string[] = []
  walk(program, (node, above) => {
    const name = memberName(node) ?? clockName(node) ?? globalName(node, above.at(-1))
    if (name !== undefined) found.push(`${path}:${lineOf(text, node.start)} uses ${name}`)
  })
  return found
}

function memberName(node: SyntaxNode): string | undefined {
  if (node.type !== 'MemberExpression') return undefined
  const name = `${nameOf(node['object'])}.${nameOf(node['property'])}`
  return PURE.members.find((member) => member === name)
}

/** `new Date()` and `Date()` read the clock; `new Date(ms)` does not. */
function clockName(node: SyntaxNode): string | undefined {
  const called = nameOf(node['callee']) === 'Date'
  if (node.type === 'CallExpression' && called) return 'Date()'
  if (node.type !== 'NewExpression' || !called) return undefined
  return Array.isArray(node['arguments']) && node['arguments'].length === 0
    ? 'new Date()'
    : undefined
}

function globalName(node: SyntaxNode, parent: SyntaxNode | undefined): string | undefined {
  const name = PURE.names.find((forbidden) => forbidden === nameOf(node))
  if (name === undefined || parent === undefined) return undefined
  // The name of a member or of a key is not the global.
  const isLabel =
    parent['computed'] !== true && (parent['property'] === node || parent['key'] === node)
  const isShorthand = parent['shorthand'] === true && parent['value'] === node
  return isLabel && !isShorthand ? undefined : name
}

function nameOf(node: unknown): string | undefined {
  if (!isNode(node) || node.type !== 'Identifier') return undefined
  return typeof node['name'] === 'string' ? node['name'] : undefined
}

import { isNode, lineOf, type SourceFile, type SyntaxNode, walk } from '../source-tree.ts'
import { BANNED_ENDINGS, BANNED_NAMES } from './laws.ts'

const NAMED_TYPES = new Set([
  'TSTypeAliasDeclaration',
  'TSInterfaceDeclaration',
  'ClassDeclaration',
])

/** Every path with a banned name, or one that is not kebab-case. */
export function checkPaths(paths: readonly string[]): string[] {
  return paths.flatMap((path) =>
    path.split('/').flatMap((segment) => {
      const name = segment.replace(/\..*$/, '')
      if (BANNED_NAMES.includes(name)) return [`${path}: '${name}' says nothing`]
      return /^[a-z0-9]+(-[a-z0-9]+)*$/.test(name) ? [] : [`${path}: '${name}' is not kebab-case`]
    }),
  )
}

/** Every type, class and schema whose name ends in a banned word. */
export function checkTypeNames(sources: readonly SourceFile[]): string[] {
  return sources.flatMap(({ path, text, program }) => {
    const found: string[] = []
    walk(program, (node, above) => {
      const name = declaredName(node, above.at(-1))
      const ending = BANNED_ENDINGS.find((banned) => name?.endsWith(banned))
      if (ending === undefined) return
      found.push(`${path}:${lineOf(text, node.start)} '${name}' ends in '${ending}'`)
    })
    return found
  })
}

/** The name of a type or class, or of a constant named like one. */
function declaredName(node: SyntaxNode, parent: SyntaxNode | undefined): string | undefined {
  const { id } = node
  const isConstant = node.type === 'VariableDeclarator' && parent?.['kind'] === 'const'
  if (!isNode(id) || typeof id['name'] !== 'string') return undefined
  if (NAMED_TYPES.has(node.type)) return id['name']
  return isConstant && /^[A-Z][a-z]/.test(id['name']) ? id['name'] : undefined
}

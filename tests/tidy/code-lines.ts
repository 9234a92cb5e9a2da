import { type SourceFile, type SyntaxNode, walk } from '../source-tree.ts'

/** How many lines from `start` to `end` hold code: neither blank nor comment only. */
export function countCodeLines(
  source: SourceFile,
  range: { start: number; end: number } = { start: 0, end: source.text.length },
): number {
  return withoutComments(source)
    .slice(range.start, range.end)
    .split('\n')
    .filter((line) => line.trim() !== '').length
}

const cache = new WeakMap<SourceFile, string>()

/** The text with every character of its comments, but no line break, made a space. */
function withoutComments(source: SourceFile): string {
  const known = cache.get(source)
  if (known !== undefined) return known
  const { text } = source
  const literals = literalsOf(source.program)
  let code = ''
  let position = 0
  while (position < text.length) {
    const literalEnd = literals.get(position)
    const commentEnd = literalEnd === undefined ? endOfComment(text, position) : undefined
    const next = literalEnd ?? commentEnd ?? position + 1
    const part = text.slice(position, next)
    code += commentEnd === undefined ? part : part.replaceAll(/[^\n]/g, ' ')
    position = next
  }
  cache.set(source, code)
  return code
}

/** Where the comment that begins at the position ends; `undefined` when none begins there. */
function endOfComment(text: string, position: number): number | undefined {
  const opening = text.slice(position, position + 2)
  if (opening !== '//' && opening !== '/*') return undefined
  const end = opening === '//' ? text.indexOf('\n', position) : text.indexOf('*/', position) + 2
  return end < 2 ? text.length : end
}

/** Start and end of the strings, patterns and templates, in which `//` begins no comment. */
function literalsOf(program: SyntaxNode): Map<number, number> {
  const literals = new Map<number, number>()
  walk(program, ({ type, start, end }) => {
    if ((type === 'Literal' || type === 'TemplateElement') && end > start) literals.set(start, end)
  })
  return literals
}

import { posix } from 'node:path'

import { isTest, lineOf, type SourceFile, walk } from '../source-tree.ts'
import { countCodeLines } from './code-lines.ts'
import { COLUMNS, SIZES, SOURCES_PER_FOLDER } from './laws.ts'

const FUNCTIONS = new Set(['FunctionDeclaration', 'FunctionExpression', 'ArrowFunctionExpression'])

/** Every file, function, line and folder that is larger than the law lets it be. */
export function checkSizes(sources: readonly SourceFile[]): string[] {
  return [
    ...sources.flatMap((source) => [
      ...largeFile(source),
      ...largeFunctions(source),
      ...wideLines(source),
    ]),
    ...fullFolders(sources),
  ]
}

function largeFile(source: SourceFile): string[] {
  const { path } = source
  const kind = isTest(path) ? 'test' : posix.basename(path) === 'main.ts' ? 'main' : 'source'
  const lines = countCodeLines(source)
  return lines > SIZES[kind] ? [`${path} has ${lines} lines of code, not ${SIZES[kind]}`] : []
}

/** A test file's functions are its `describe` blocks, which hold what the file holds. */
function largeFunctions(source: SourceFile): string[] {
  const { path, text, program } = source
  const large: string[] = []
  if (isTest(path)) return large
  walk(program, (node) => {
    if (!FUNCTIONS.has(node.type)) return
    const lines = countCodeLines(source, node)
    if (lines <= SIZES.function) return
    large.push(`${path}:${lineOf(text, node.start)} a function of ${lines} lines`)
  })
  return large
}

function wideLines({ path, text }: SourceFile): string[] {
  return text.split('\n').flatMap((line, index) => {
    const columns = line.length
    return columns > COLUMNS ? [`${path}:${index + 1} is ${columns} columns wide`] : []
  })
}

function fullFolders(sources: readonly SourceFile[]): string[] {
  const folders = Map.groupBy(
    sources.filter(({ path }) => !isTest(path)),
    ({ path }) => posix.dirname(path),
  )
  return [...folders]
    .filter(([, files]) => files.length > SOURCES_PER_FOLDER)
    .map(([folder, files]) => `${folder} holds ${files.length} sources`)
}

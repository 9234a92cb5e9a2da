import { posix } from 'node:path'

/** A file or folder that a document names, as a path from the root; `*` stands for any. */
export type Mention = { document: string; line: number; path: string }

const CODE = /`([^`\n]+)`/g
const LINK = /\]\(([^)\s#]+)[^)]*\)/g
const ROOT_FILE = /^\.?[A-Za-z][\w.-]*\.(md|ts|json|yml|yaml|sql|example)$/

/**
 * Every path of the repository that the document names: in a link, or as code that begins with one
 * of the `folders` or looks like a file at the root. What holds a placeholder (`<id>`, `NNNN`,
 * `{a,b}`) is not a path.
 */
export function mentionsOf(
  { path: document, text }: { path: string; text: string },
  folders: readonly string[],
): Mention[] {
  return text.split('\n').flatMap((content, index) => {
    const links = [...content.matchAll(LINK)]
      .map(([, target = '']) => target)
      .filter((target) => !/^[a-z]+:/.test(target))
      .map((target) => posix.join(posix.dirname(document), target))
    const code = [...content.matchAll(CODE)]
      .flatMap(([, words = '']) => words.split(/\s+/))
      .map((word) => word.replace(/^\.\//, '').replace(/[:,.;]+$|:\d+$/, ''))
      .filter((word) => isPath(word, folders))
    return [...links, ...code].map((path) => ({ document, line: index + 1, path }))
  })
}

function isPath(word: string, folders: readonly string[]): boolean {
  if (/[<>{}$|()=@]|NNNN|\.\.\./.test(word)) return false
  const [first = '', second] = word.split('/')
  return second === undefined ? ROOT_FILE.test(word) : folders.includes(first)
}

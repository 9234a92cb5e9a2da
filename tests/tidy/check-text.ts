import { BANNED_TEXT } from './laws.ts'

/** Every line with text that no file may hold. */
export function checkText({ path, text }: { path: string; text: string }): string[] {
  return text.split('\n').flatMap((line, index) =>
    BANNED_TEXT.flatMap(({ what, pattern }) => {
      const found = pattern.exec(line)?.[0]
      return found === undefined ? [] : [`${path}:${index + 1} holds ${what}: '${found}'`]
    }),
  )
}

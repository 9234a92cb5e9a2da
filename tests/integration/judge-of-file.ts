import { afterAll, beforeAll } from 'vitest'

import { type JudgeRig, openJudgeRig } from './judge-rig.ts'

/**
 * The Judge of one test file, to be asked for at its top: opened before the first test, closed after
 * the last.
 */
export function judgeOfFile(): Omit<JudgeRig, typeof Symbol.asyncDispose> {
  let opened: JudgeRig | undefined
  beforeAll(async () => {
    opened = await openJudgeRig()
  })
  afterAll(() => opened?.[Symbol.asyncDispose]())
  const open = (): JudgeRig => {
    if (opened === undefined) throw new Error('The Judge of this file is not open yet.')
    return opened
  }
  return {
    get deps() {
      return open().deps
    },
    get database() {
      return open().database
    },
    get published() {
      return open().published
    },
    another: () => open().another(),
    sign: (claims, by) => open().sign(claims, by),
    carry: (jws) => open().carry(jws),
  }
}

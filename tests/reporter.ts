import { appendFileSync } from 'node:fs'

import type { TestRecord } from '@chimera/cli/commands/test/report'
import type { Reporter, TestCase, TestModule, TestSuite } from 'vitest/node'

/**
 * Writes one line per ended test to the file named by CHIMERA_TEST_REPORT, for `./chimera test`. A
 * file that could not be loaded, a set-up that threw and an error outside of any test count as one
 * failed test each, so that nothing that went wrong is left out of the sum.
 */
export default class JsonlReporter implements Reporter {
  readonly #file: string

  constructor() {
    const file = process.env['CHIMERA_TEST_REPORT']
    if (file === undefined) {
      throw new Error('CHIMERA_TEST_REPORT has to name the file that the report goes to.')
    }
    this.#file = file
    // The product, which tests start, refuses CHIMERA_ names that no schema has.
    delete process.env['CHIMERA_TEST_REPORT']
  }

  onTestCaseResult(test: TestCase): void {
    const result = test.result()
    if (result.state === 'pending') return
    const { guarantee, control } = test.meta()
    this.#append({
      project: test.project.name,
      test: nameOf(test),
      outcome: result.state,
      reason: result.state === 'skipped' ? result.note : firstLine(result.errors?.[0]),
      guarantee,
      control,
    })
  }

  onTestSuiteResult(suite: TestSuite): void {
    for (const error of suite.errors()) this.#failed(suite, `${nameOf(suite)} (its hooks)`, error)
  }

  onTestModuleEnd(module: TestModule): void {
    for (const error of module.errors()) this.#failed(module, `${nameOf(module)} (the file)`, error)
  }

  onTestRunEnd(_modules: readonly TestModule[], errors: readonly { message: string }[]): void {
    for (const error of errors) {
      this.#append({
        project: 'vitest',
        test: 'an error outside of any test',
        outcome: 'failed',
        reason: firstLine(error),
      })
    }
  }

  #failed(of: TestSuite | TestModule, test: string, error: { message: string }): void {
    this.#append({ project: of.project.name, test, outcome: 'failed', reason: firstLine(error) })
  }

  #append(record: { [Key in keyof TestRecord]: TestRecord[Key] | undefined }): void {
    appendFileSync(this.#file, `${JSON.stringify(record)}\n`)
  }
}

function nameOf(task: TestCase | TestSuite | TestModule): string {
  if (task.type === 'module') return task.relativeModuleId
  return `${task.module.relativeModuleId} > ${task.fullName}`
}

function firstLine(error: { message: string } | undefined): string | undefined {
  return error?.message.split('\n', 1)[0]
}

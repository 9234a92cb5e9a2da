import type { ModelBudget } from '@chimera/infra/llm/model-budget'

const SETTLED = Promise.resolve()

/** The budget of a test that is not about budgets: nobody pays. */
export const uncounted: ModelBudget = {
  reserve: () => Promise.resolve({ answered: () => SETTLED, refused: () => SETTLED }),
}

import { expect, test } from 'vitest'

import { openCompany } from './company.ts'

test('company is mixed while more than one tenant has come by within a minute', () => {
  let now = 0
  const company = openCompany(() => now)
  expect(company.isMixed()).toBe(false)
  company.note(['a', 'a'])
  expect(company.isMixed()).toBe(false)
  company.note(['b'])
  expect(company.isMixed()).toBe(true)
  now = 59_000
  company.note(['a'])
  expect(company.isMixed()).toBe(true)
  now = 61_000
  expect(company.isMixed()).toBe(false)
  company.note(['c'])
  expect(company.isMixed()).toBe(true)
})

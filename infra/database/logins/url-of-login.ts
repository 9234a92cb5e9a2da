import { TerminalError } from '@chimera/contracts/errors'

import type { Login } from './login-names.ts'

/** The way of `databaseUrl` to one database, as another user. */
export function urlOfLogin(databaseUrl: string, of: { login: Login; database: string }): string {
  const { login } = of
  const url = parseUrl(databaseUrl)
  // Said in the query, they would win; and a database that is not named is called as the user.
  for (const name of ['user', 'password']) {
    if (url.searchParams.has(name)) url.searchParams.delete(name)
  }
  url.pathname = `/${encodeURIComponent(of.database)}`
  url.username = login.name
  url.password = login.password
  // The address of a socket without a host has no place for a user.
  if (url.username === '') {
    url.searchParams.set('user', login.name)
    url.searchParams.set('password', login.password)
  }
  return url.href
}

/** The login in a URL that `urlOfLogin` made; undefined in any other text. */
export function loginOfUrl(text: string): Login | undefined {
  if (!URL.canParse(text)) return undefined
  const url = new URL(text)
  const name = decodeURIComponent(url.username) || url.searchParams.get('user')
  const password = decodeURIComponent(url.password) || url.searchParams.get('password')
  return name === null || password === null ? undefined : { name, password }
}

function parseUrl(text: string): URL {
  if (URL.canParse(text)) return new URL(text)
  throw new TerminalError(
    'CONFIG_INVALID',
    'DATABASE_URL has to be a URL: postgres://user:password@host:port/database.',
  )
}

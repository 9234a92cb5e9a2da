/** Processes log in as users of PostgreSQL who cannot become more than their role. */
import { createLogin, showLogins, takeLoginBack } from '@chimera/cli/commands/database/logins'
import { newId } from '@chimera/contracts/ids'
import { createFreshRecord } from '@chimera/infra/database/backup/swap-database'
import { keepLogin } from '@chimera/infra/database/logins/keep-login'
import type { Login } from '@chimera/infra/database/logins/login-names'
import { urlOfLogin } from '@chimera/infra/database/logins/url-of-login'
import { type DatabaseRole, openDatabase } from '@chimera/infra/database/open-database'
import { openLog } from '@chimera/runtime/log'
import pg from 'pg'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { z } from 'zod'

import { openEmptyDatabase, openFreshDatabase, type FreshDatabase } from '../fresh-database.ts'
import { control, guarantee } from '../guarantee.ts'
import { waysUp } from './ways-up.ts'

const log = openLog({ name: 'test', level: 'silent' })
const TENANTS = [newId(), newId()] as const

let owner: FreshDatabase
/** Who owns the tables, and everything else of this server. */
let ownerName = ''
const users = new AsyncDisposableStack()
beforeAll(async () => {
  owner = await openFreshDatabase()
  ownerName = new URL(owner.databaseUrl).username
  for (const id of TENANTS) {
    await owner.query({ text: `INSERT INTO tenants (id, name) VALUES ($1, 't')`, values: [id] })
  }
})
afterAll(async () => {
  await users.disposeAsync()
  await owner[Symbol.asyncDispose]()
})

const ROLES = { gateway: 'chimera_gateway', swarm: 'chimera_swarm' } as const

async function makeUrl(role: 'gateway' | 'swarm'): Promise<string> {
  return urlOfLogin(owner.databaseUrl, await keepLogin(owner, { role }))
}

/** Another tenant's row is not seen on any way, whatever is sent. */
async function expectNoWayUp(urlOf: (role: 'gateway' | 'swarm') => Promise<string>) {
  const found: string[] = []
  for (const role of ['gateway', 'swarm'] as const) {
    const url = await urlOf(role)
    found.push(...(await waysUp({ url, role: ROLES[role], owner: ownerName, own: TENANTS[0] })))
  }
  expect(found).toEqual([])
}

guarantee(
  {
    id: 'no-way-up',
    title: 'code that sends any SQL as the login of a role sees no row of another tenant',
    n: 1,
    seed: 97,
  },
  () => expectNoWayUp(makeUrl),
)

control({ guard: 'a login of its own', test: 'no-way-up', expect: /to deeply equal \[\]/ }, () =>
  expectNoWayUp(() => Promise.resolve(owner.databaseUrl)),
)

/** A user of the server with these attributes who is a member of these roles, on `owner`. */
async function makeUser(of: { is?: string; in?: readonly string[] }): Promise<string> {
  const name = `user_${newId().replaceAll('-', '')}`
  await owner.query({ text: `CREATE ROLE ${name} LOGIN ${of.is ?? ''} PASSWORD '${name}'` })
  users.defer(async () => {
    await owner.query({ text: `DROP OWNED BY ${name}` })
    await owner.query({ text: `DROP ROLE ${name}` })
  })
  for (const group of of.in ?? []) await owner.query({ text: `GRANT ${group} TO ${name}` })
  const login: Login = { name, password: name }
  const database = new URL(owner.databaseUrl).pathname.slice(1)
  await owner.query({ text: `GRANT CONNECT ON DATABASE ${database} TO ${name}` })
  return urlOfLogin(owner.databaseUrl, { login, database })
}

type Open = (url: string, role: DatabaseRole) => Promise<void>

const swarm = 'chimera_swarm'

/** Who is let work as the swarm of those who could see more than it does. */
async function expectRefused(open: Open): Promise<void> {
  const table = `table_${newId().replaceAll('-', '')}`
  const owning = await makeUser({ in: [swarm] })
  const owningName = new URL(owning).username
  await owner.query({
    text: `CREATE TABLE ${table} (); ALTER TABLE ${table} OWNER TO ${owningName}`,
  })
  const strong: Record<string, string> = {
    'the owner, a superuser': owner.databaseUrl,
    'a superuser': await makeUser({ is: 'SUPERUSER', in: [swarm] }),
    BYPASSRLS: await makeUser({ is: 'BYPASSRLS', in: [swarm] }),
    CREATEROLE: await makeUser({ is: 'CREATEROLE', in: [swarm] }),
    REPLICATION: await makeUser({ is: 'REPLICATION', in: [swarm] }),
    'an owner of tables': owning,
    'a member of an owner': await makeUser({ in: [swarm, owningName] }),
    'a member of both roles': await makeUser({ in: [swarm, 'chimera_gateway'] }),
    'a reader of all data': await makeUser({ in: [swarm, 'pg_read_all_data'] }),
    'a writer of all data': await makeUser({ in: [swarm, 'pg_write_all_data'] }),
  }
  const letIn: string[] = []
  for (const [who, url] of Object.entries(strong)) {
    const refused = await open(url, swarm).catch((error: unknown) => error)
    if (refused === undefined) letIn.push(who)
    else expect(refused).toMatchObject({ code: 'DATABASE_LOGIN_REFUSED' })
  }
  expect(letIn).toEqual([])
}

guarantee(
  {
    id: 'strong-logins-refused',
    title: 'nobody is let work as a role who could step back up from it',
    n: 10,
    seed: 101,
  },
  () =>
    expectRefused(async (url, role) => {
      await using database = openDatabase({ url, name: 'strong', log, role, max: 1 })
      await database.query({ text: 'SELECT 1' })
    }),
)

control(
  {
    guard: 'the look at who has logged in',
    test: 'strong-logins-refused',
    expect: /to deeply equal \[\]/,
  },
  () =>
    expectRefused(async (url, role) => {
      const client = new pg.Client({ connectionString: url })
      await client.connect()
      try {
        await client.query(`SET ROLE ${role}`)
      } finally {
        await client.end()
      }
    }),
)

test('a refusal names the command that makes a login, and is tried again', async () => {
  const url = owner.databaseUrl
  await using database = openDatabase({ url, name: 'strong', log, role: 'chimera_gateway' })
  const asked = () => database.query({ text: 'SELECT 1' })
  await expect(asked()).rejects.toThrow(/is a superuser\. .*chimera database login create gateway$/)
  await expect(asked()).rejects.toMatchObject({ kind: 'retryable' })
})

test('a login lost, changed or of another installation is renewed by itself alone', async () => {
  const first = await keepLogin(owner, { role: 'swarm' })
  const other = await keepLogin(owner, { role: 'swarm' })
  expect(other.login.name).not.toBe(first.login.name)
  await owner.query({ text: `ALTER ROLE ${first.login.name} NOLOGIN PASSWORD 'another'` })
  expect(await keepLogin(owner, { role: 'swarm', kept: first.login })).toEqual(first)
  await owner.query({ text: `REVOKE ALL ON DATABASE ${first.database} FROM ${first.login.name}` })
  await owner.query({ text: `DROP ROLE ${first.login.name}` })
  // Of the other role, or of somebody who is no login of these: never taken for one.
  for (const name of [first.login.name.replace('swarm', 'gateway'), ownerName]) {
    const kept = { name, password: 'x' }
    const made = await keepLogin(owner, { role: 'swarm', kept })
    expect(made.login.name).toMatch(/^chimera_swarm_/)
    expect(made.login.password).not.toBe('x')
  }
  const both = [await keepLogin(owner, { role: 'swarm', kept: first.login }), other]
  expect(both[0]).toEqual(first)
  for (const made of both) expect(await namesOf(urlOfLogin(owner.databaseUrl, made))).toBe(swarm)
})

/** Whom the processes of the swarm work as on this connection. */
async function namesOf(url: string): Promise<unknown> {
  await using database = openDatabase({ url, name: 'own', log, role: 'chimera_swarm', max: 1 })
  const [row] = await database.query({ text: 'SELECT current_user AS name' })
  return row?.['name']
}

test('a login that somebody has made more of is refused when it is renewed', async () => {
  const { login } = await keepLogin(owner, { role: 'gateway' })
  await owner.query({ text: `GRANT pg_monitor TO ${login.name}` })
  await expect(keepLogin(owner, { role: 'gateway', kept: login })).rejects.toThrow(
    /is a member of pg_monitor/,
  )
})

test('a login connects to its database alone, and to what is restored in its place', async () => {
  await using database = await openEmptyDatabase()
  await using another = await openEmptyDatabase()
  const keepOn = async (databaseUrl: string) => {
    await using asOwner = openDatabase({ url: databaseUrl, name: 'owner', log, max: 1 })
    return await keepLogin(asOwner, { role: 'swarm' })
  }
  const made = await keepOn(database.databaseUrl)
  const urlTo = (name: string) => urlOfLogin(database.databaseUrl, { ...made, database: name })
  const foreign = await keepOn(another.databaseUrl)
  expect(await namesOf(urlTo(made.database))).toBe(swarm)
  await expect(namesOf(urlTo(foreign.database))).rejects.toThrow(/permission denied for database/)

  await using fresh = await createFreshRecord({ databaseUrl: database.databaseUrl })
  const before = await fresh.swap()
  try {
    expect(await namesOf(urlTo(made.database))).toBe(swarm)
    await expect(namesOf(urlTo(before))).rejects.toThrow(/permission denied for database/)
    expect(await keepOn(database.databaseUrl)).not.toEqual(made)
    await using asOwner = openDatabase({ url: database.databaseUrl, name: 'owner', log, max: 1 })
    expect(await keepLogin(asOwner, { role: 'swarm', kept: made.login })).toEqual(made)
    const stranger = await makeUser({ in: [swarm] })
    const url = new URL(stranger)
    url.pathname = made.database
    await expect(namesOf(url.href)).rejects.toThrow(/permission denied for database/)
  } finally {
    await another.query({ text: `DROP DATABASE ${before} WITH (FORCE)` })
  }
})

test('the command makes a login, lists it, and takes it back with its connections', async () => {
  const said: string[] = []
  const context = {
    env: { DATABASE_URL: owner.databaseUrl },
    out: (line: string) => void said.push(line),
    err: () => {},
  }
  const last = (): unknown => JSON.parse(said.at(-1) ?? '')
  await createLogin('swarm', { json: true }, context)
  const made = z.looseObject({ name: z.string(), url: z.string() }).parse(last())
  expect(made).toMatchObject({ role: 'swarm', name: new URL(made.url).username })
  const { url, name } = made
  await using process = openDatabase({ url, name: 'own', log, role: 'chimera_swarm', max: 1 })
  await process.query({ text: 'SELECT 1' })
  await showLogins({ json: true }, context)
  expect(last()).toContainEqual({ name, role: 'swarm', connections: 1 })
  await takeLoginBack(name, { json: true }, context)
  expect(last()).toEqual({ name, ended: 1 })
  const refused = await process.query({ text: 'SELECT 1' }).catch((error: unknown) => error)
  expect(refused).toMatchObject({ code: 'UNAVAILABLE' })
  await expect(process.query({ text: 'SELECT 1' })).rejects.toThrow(/authentication failed/)
  for (const each of [name, ownerName, 'chimera_swarm']) {
    await expect(takeLoginBack(each, {}, context)).rejects.toThrow(/has no login/)
  }
  await expect(createLogin('worker', {}, context)).rejects.toThrow(/There is no role worker/)
})

test('an owner who may make no logins is told what a superuser types', async () => {
  await using database = await openEmptyDatabase()
  const url = await makeUser({})
  const user = new URL(url)
  const { pathname } = new URL(database.databaseUrl)
  user.pathname = pathname
  const name = user.username
  await database.query({ text: `ALTER DATABASE ${pathname.slice(1)} OWNER TO ${name}` })
  await using asOwner = openDatabase({ url: user.href, name: 'owner', log, max: 1 })
  const failed = await failureOf(keepLogin(asOwner, { role: 'swarm' }))
  expect(failed).toMatchObject({ code: 'CONFIG_INVALID' })
  const typed = /run (ALTER ROLE .* WITH ADMIN OPTION;)$/.exec(failed.message)?.[1]
  await database.query({ text: typed ?? '' })
  const made = await keepLogin(asOwner, { role: 'swarm' })
  expect(made.isOpenToAll).toBe(false)
  expect(await namesOf(urlOfLogin(user.href, made))).toBe(swarm)
  const context = { env: { DATABASE_URL: user.href }, out: () => {}, err: () => {} }
  await takeLoginBack(made.login.name, {}, context)
  await expect(namesOf(urlOfLogin(user.href, made))).rejects.toThrow(/authentication failed/)
})

async function failureOf(work: Promise<unknown>): Promise<Error> {
  try {
    await work
  } catch (error) {
    if (error instanceof Error) return error
  }
  throw new Error('It was to fail.')
}

/** The record of a protocol rig: real PostgreSQL, with a clock that the test moves. */
import { randomBytes } from 'node:crypto'

import { migrate } from '@chimera/infra/database/migrate'
import {
  openDatabase,
  type Database,
  type DatabaseRole,
} from '@chimera/infra/database/open-database'
import { openLog } from '@chimera/runtime/log'
import { inject } from 'vitest'

import { urlAs } from '../../fresh-database.ts'

export type ModelRecord = AsyncDisposable & {
  /** The connections of now: another record is in its place after `rollBack`. */
  readonly database: Database
  /** The same record as a part of the swarm sees it. */
  readonly swarm: Database
  /** By how much its clock is ahead of this machine's. */
  setAhead(ms: number): Promise<void>
  /** `pg backup taken` */
  takeBackup(): Promise<void>
  /** `pg RESTORED from older backup`, by hand: nothing else is done to it. */
  rollBack(): Promise<void>
}

const log = openLog({ name: 'model', level: 'silent' })

/**
 * `now()` is found in the schema `clock` before pg_catalog, so that the statements of the product
 * run as they are; and in the functions of the migrations, which say themselves where they look.
 */
const CLOCK = `
  CREATE SCHEMA clock;
  CREATE TABLE clock.ahead (ms bigint NOT NULL);
  INSERT INTO clock.ahead VALUES (0);
  CREATE FUNCTION clock.now() RETURNS timestamptz LANGUAGE sql STABLE AS
    'SELECT pg_catalog.now() + ms * interval ''1 millisecond'' FROM clock.ahead';
  GRANT USAGE ON SCHEMA clock TO chimera_swarm;
  GRANT SELECT ON clock.ahead TO chimera_swarm;
  DO $$
  DECLARE f record;
  BEGIN
    FOR f IN SELECT oid::regprocedure AS name FROM pg_proc
      WHERE pronamespace = 'public'::regnamespace
        AND EXISTS (SELECT FROM unnest(proconfig) AS c WHERE c LIKE 'search_path=%')
    LOOP
      EXECUTE format('ALTER FUNCTION %s SET search_path = clock, pg_catalog, public, pg_temp',
        f.name);
    END LOOP;
  END $$`

let template: Promise<string> | undefined

export async function openRecord(): Promise<ModelRecord> {
  const server = connect(inject('databaseUrl'), 1)
  const from = await (template ??= makeTemplate())
  const name = nameOf('model')
  const backup = `${name}_backup`
  const create = async (of: { name: string; from: string }): Promise<void> => {
    await server.query({ text: `CREATE DATABASE ${of.name} TEMPLATE ${of.from}` })
    await server.query({
      text: `ALTER DATABASE ${of.name} SET search_path = clock, pg_catalog, public`,
    })
  }
  await create({ name, from })
  const open = () => ({
    database: connect(urlOf(name), 6),
    swarm: connect(urlOf(name), 2, 'chimera_swarm'),
  })
  const state = { ...open(), aheadMs: 0 }
  const close = async (): Promise<void> => {
    await state.swarm[Symbol.asyncDispose]()
    await state.database[Symbol.asyncDispose]()
  }
  const setAhead = async (ms: number): Promise<void> => {
    state.aheadMs = ms
    await state.database.query({ text: 'UPDATE clock.ahead SET ms = $1', values: [Math.floor(ms)] })
  }
  return {
    get database() {
      return state.database
    },
    get swarm() {
      return state.swarm
    },
    setAhead,
    takeBackup: async () => {
      await close()
      await create({ name: backup, from: name })
      Object.assign(state, open())
    },
    rollBack: async () => {
      await close()
      await server.query({ text: `DROP DATABASE ${name} WITH (FORCE)` })
      await create({ name, from: backup })
      Object.assign(state, open())
      await setAhead(state.aheadMs)
    },
    [Symbol.asyncDispose]: async () => {
      await close()
      for (const each of [name, backup]) {
        await server.query({ text: `DROP DATABASE IF EXISTS ${each} WITH (FORCE)` })
      }
      await server[Symbol.asyncDispose]()
    },
  }
}

/** Copied for each record: faster than its migrations. It goes with the test's server. */
async function makeTemplate(): Promise<string> {
  const name = nameOf('model_template')
  await using server = connect(inject('databaseUrl'), 1)
  await server.query({ text: `CREATE DATABASE ${name}` })
  await migrate({ databaseUrl: urlOf(name), log: () => {} })
  await using database = connect(urlOf(name), 1)
  await database.query({ text: CLOCK })
  return name
}

const nameOf = (what: string): string => `${what}_${randomBytes(6).toString('hex')}`

function urlOf(name: string): string {
  const url = new URL(inject('databaseUrl'))
  url.pathname = name
  return url.href
}

const connect = (url: string, max: number, role?: DatabaseRole): Database =>
  openDatabase({
    url: urlAs(role, url),
    name: 'model',
    log,
    max,
    ...(role === undefined ? {} : { role }),
  })

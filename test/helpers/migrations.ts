import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import Fastify, { type FastifyInstance } from 'fastify'
import pg from 'pg'
import type { Test } from 'tap'
import MigrationsCheck, { type MigrationsOptions } from '../../lib/checks/migrations.js'
import { createHealth } from '../../lib/index.js'
import type { Postgres } from './postgres.js'

/** A folder for each tool. */
export const fixtures = resolve(import.meta.dirname, '../fixtures/migrations')

const { log } = Fastify()

/** As PostgreSQLDatabase.java of Flyway makes it, in the search path and under its default name. */
export const flywayTable = `
  CREATE TABLE IF NOT EXISTS "flyway_schema_history" (
    "installed_rank" INT NOT NULL CONSTRAINT "flyway_schema_history_pk" PRIMARY KEY,
    "version" VARCHAR(50),
    "description" VARCHAR(200) NOT NULL,
    "type" VARCHAR(20) NOT NULL,
    "script" VARCHAR(1000) NOT NULL,
    "checksum" INTEGER,
    "installed_by" VARCHAR(100) NOT NULL,
    "installed_on" TIMESTAMP NOT NULL DEFAULT now(),
    "execution_time" INTEGER NOT NULL,
    "success" BOOLEAN NOT NULL
  )`

export interface FlywayRow {
  rank: number
  version?: string
  description?: string
  type?: string
  checksum?: number
  success?: boolean
}

export function flywayRow ({ rank, version, description = '', type = 'SQL', checksum, success = true }: FlywayRow): string {
  return `INSERT INTO flyway_schema_history (installed_rank, version, description, type, script, checksum, installed_by, execution_time, success)
    VALUES (${rank}, ${version === undefined ? 'NULL' : `'${version}'`}, '${description}', '${type}', 'x.sql', ${checksum ?? 'NULL'}, current_user, 1, ${success})`
}

/** As CreateDatabaseChangeLogTableGenerator.java of Liquibase has it, in the types of PostgreSQL. */
export const liquibaseTable = `
  CREATE TABLE IF NOT EXISTS databasechangelog (
    id VARCHAR(255) NOT NULL,
    author VARCHAR(255) NOT NULL,
    filename VARCHAR(255) NOT NULL,
    dateexecuted TIMESTAMP WITHOUT TIME ZONE NOT NULL,
    orderexecuted INTEGER NOT NULL,
    exectype VARCHAR(10) NOT NULL,
    md5sum VARCHAR(35),
    description VARCHAR(255),
    comments VARCHAR(255),
    tag VARCHAR(255),
    liquibase VARCHAR(20),
    contexts VARCHAR(255),
    labels VARCHAR(255),
    deployment_id VARCHAR(10)
  )`

/** A row of the change set that Liquibase calls `file::id::author`. */
export function liquibaseRow (changeSet: string, type = 'EXECUTED'): string {
  const [filename, id, author] = changeSet.split('::')
  return `INSERT INTO databasechangelog (id, author, filename, dateexecuted, orderexecuted, exectype)
    VALUES ('${id}', '${author}', '${filename}', now(), 1, '${type}')`
}

export async function withClient<T> (url: string, use: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client(url)
  await client.connect()
  try {
    return await use(client)
  } finally {
    await client.end()
  }
}

/** Makes databases in which these statements have run. */
export function databasesOf (postgres: Postgres): (...statements: string[]) => Promise<string> {
  let databases = 0
  return async (...statements) => {
    const name = `d${++databases}`
    await withClient(postgres.url, async client => await client.query(`CREATE DATABASE ${name}`))
    const url = new URL(`/${name}`, postgres.url).href
    await withClient(url, async client => { for (const statement of statements) await client.query(statement) })
    return url
  }
}

/** A folder with these files; a name that ends in a slash is a folder. */
export async function folder (t: Test, ...files: string[]): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), 'fastify-health-migrations-'))
  t.teardown(async () => await rm(dir, { recursive: true }))
  for (const file of files) {
    if (file.endsWith('/')) await mkdir(join(dir, file))
    else await writeFile(join(dir, file), '')
  }
  return dir
}

/** A folder with these contents by the paths of files. */
export async function folderOf (t: Test, contents: Record<string, string | Buffer>): Promise<string> {
  const dir = await folder(t)
  for (const [path, content] of Object.entries(contents)) {
    await mkdir(dirname(join(dir, path)), { recursive: true })
    await writeFile(join(dir, path), content)
  }
  return dir
}

export type Options = MigrationsOptions & { timeout?: number }

export function healthOf (t: Test, options: Options, app: FastifyInstance = Fastify()) {
  const health = createHealth({ baseDir: fixtures, subsets: { readiness: [[MigrationsCheck, { ...options }]] } }, { app, log })
  t.teardown(async () => await health.close())
  return {
    async status () { return (await health.run('readiness')).results[0]!.status },
    async faults () { return (await health.systemChecks()).map(({ id, message, hint }) => `${id} ${message} ${hint}`) },
    async close () { await health.close() },
  }
}

export async function status (t: Test, options: Options): Promise<string> {
  const { status, close } = healthOf(t, options)
  const found = await status()
  // The server lets in few connections.
  await close()
  return found
}

export const pending = (...names: string[]) => `unavailable: There are migrations to apply: ${names.join(', ')}`

/** What is said where these change sets, in the form `file::id::author`, are pending. */
export function pendingChangeSets (...changeSets: string[]): string {
  return pending(...changeSets.map(changeSet => changeSet.replace(/^(.*)::(.*)::(.*)$/, '$1 $3:$2')).sort())
}

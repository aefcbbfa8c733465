import { symlink } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'tap'
import { databasesOf, flywayRow, flywayTable, folderOf, healthOf, pending, status, withClient, type FlywayRow } from '../../helpers/migrations.js'
import { startPostgres } from '../../helpers/postgres.js'

/** Files of no text. */
const files = (...paths: string[]) => Object.fromEntries(paths.map(path => [path, '']))

const failed = (...names: string[]) => `unavailable: Migrations failed: ${names.join(', ')}`

test('the books of Flyway', async t => {
  const postgres = await startPostgres(t)
  const database = databasesOf(postgres)

  /** A database in which Flyway has written these rows, in this order. */
  async function history (...rows: Array<Omit<FlywayRow, 'rank'>>): Promise<string> {
    return await database(flywayTable, ...rows.map((row, index) => flywayRow({ ...row, rank: index + 1 })))
  }

  await t.test('versions are equal where their numbers are', async t => {
    const dir = await folderOf(t, files('V1__a.sql', 'V1_1__b.sql', 'V1.2__c.sql', 'V002__d.sql', 'V2.10__e.sql', 'V20260101120000000000001__f.sql'))
    const versions = ['1.0', '1.1', '1.2.0', '2', '02.10', '20260101120000000000001']
    t.equal(await status(t, { tool: 'flyway', dir, connectionString: await history(...versions.map(version => ({ version }))) }), 'working')
    const others = await history({ version: '1' }, { version: '2.1' }, { version: '20260101120000000000002' })
    t.equal(await status(t, { tool: 'flyway', dir, connectionString: others }),
      pending('V002__d', 'V1.2__c', 'V1_1__b', 'V2.10__e', 'V20260101120000000000001__f'), 'also those below the highest that is applied')
  })

  await t.test('migrations are found in all folders, and by names that Flyway knows', async t => {
    const connectionString = await database()
    const dir = await folderOf(t, files(
      'V1__a.sql', 'nested/deeper/V2__b.sql', 'V3.sql', 'V4__.SQL', 'V5___c__d.sql', 'R__.sql', 'R__e.sql',
      'U1__a.sql', 'V__a.sql', 'V1a__a.sql', 'V1.__a.sql', 'v6__a.sql', 'Views.sql', 'R.sql', 'R1__a.sql', 'Rebuild.sql', 'beforeMigrate.sql', 'V7__a.sh', 'V8__a.sql.conf',
      '.hidden/V9__a.sql', '.V9__a.sql', 'drafts/V10__a.sql'
    ))
    await symlink(join(dir, 'nested'), join(dir, '..data'))
    await symlink('..data/deeper', join(dir, 'linked'))
    await symlink(dir, join(dir, 'nested/back'))
    const health = healthOf(t, { tool: 'flyway', dir, connectionString, ignore: '^drafts$|^V[12]__|^R__e' })
    t.equal(await health.status(), pending('R__', 'V3', 'V4__', 'V5___c__d'))
    t.same(await health.faults(), [])
    const all = { tool: 'flyway', dir, connectionString, ignore: '^drafts$|^[VR][345_]' } as const
    t.equal(await status(t, all), pending('V1__a', 'V2__b', 'V2__b'), 'that of a folder with two ways to it is found twice')
    t.equal(await status(t, { ...all, dir: 'ghost' }), 'unavailable: The folder of migrations cannot be read: no such file or folder')
    t.equal(await status(t, { ...all, dir: join(dir, 'V1__a.sql') }), 'unavailable: The folder of migrations cannot be read: not a folder')
  })

  await t.test('a repeatable migration is pending until its text of today has run', async t => {
    const sign = "CREATE OR REPLACE VIEW signs AS\nSELECT 'é€' AS sign;\n"
    // As BufferedReader and CRC32 of Java find it.
    const checksum = -1939906537
    const description = 'all signs'
    const after = async (content: string | Buffer, ...rows: Array<Omit<FlywayRow, 'rank'>>) =>
      await status(t, { tool: 'flyway', dir: await folderOf(t, { 'R__all_signs.sql': content }), connectionString: await history(...rows) })
    const waiting = pending('R__all_signs')

    t.equal(await after(sign), waiting)
    t.equal(await after(sign, { description, checksum }), 'working')
    t.equal(await after(`\uFEFF${sign.replaceAll('\n', '\r\n')}\r\n`, { description, checksum }), 'working', 'other ends of lines and a byte order mark are no change')
    t.equal(await after('', { description, checksum: 0 }), 'working')
    t.equal(await after(sign.replace('é€', 'e'), { description, checksum }), waiting, 'it has changed')
    t.equal(await after(sign, { description, checksum: 1 }, { description, checksum }), 'working', 'it has changed and run again')
    t.equal(await after(sign, { description, checksum }, { description, checksum: 1 }), waiting, 'the last run counts')
    t.equal(await after(sign, { description, checksum }, { description, checksum, type: 'DELETE' }), waiting, 'a repair has marked it as deleted')
    t.equal(await after(sign, { description, checksum, success: false }), failed('R__all_signs'))
    t.equal(await after(sign.replace('é€', ['$', '{sign}'].join('')), { description, checksum }), 'working', 'only Flyway knows the values of placeholders')
    t.equal(await after(Buffer.from(sign, 'latin1'), { description, checksum }), 'working', 'and the encoding')
  })

  await t.test('the last of the rows counts, whatever order the table gives them in', async t => {
    const dir = await folderOf(t, files('V1__a.sql', 'V2__b.sql'))
    const connectionString = await database(flywayTable, flywayRow({ rank: 10, version: '2' }), flywayRow({ rank: 9, version: '2', type: 'UNDO_SQL' }),
      flywayRow({ rank: 2, version: '2' }), flywayRow({ rank: 1, version: '1' }))
    t.equal(await status(t, { tool: 'flyway', dir, connectionString }), 'working')
  })

  await t.test('what is undone or marked as deleted is pending again', async t => {
    const dir = await folderOf(t, files('V1__a.sql', 'V2__b.sql', 'U2__b.sql'))
    const after = async (...rows: Array<Omit<FlywayRow, 'rank'>>) =>
      await status(t, { tool: 'flyway', dir, connectionString: await history({ version: '1' }, { version: '2' }, ...rows) })
    t.equal(await after({ version: '2', type: 'UNDO_SQL' }), pending('V2__b'))
    t.equal(await after({ version: '2', type: 'UNDO_SQL' }, { version: '2' }), 'working')
    t.equal(await after({ version: '2', type: 'UNDO_SQL', success: false }), failed('V2__b'))
    t.equal(await after({ version: '2', type: 'DELETE' }), pending('V2__b'))
    t.equal(await after({ version: '2', type: 'DELETE', success: false }), 'working')
  })

  await t.test('a migration that failed is told from one that is pending', async t => {
    const dir = await folderOf(t, files('V1__a.sql', 'V2__b.sql', 'V3__c.sql'))
    const rows = [{ version: '1' }, { version: '2', success: false }]
    t.equal(await status(t, { tool: 'flyway', dir, connectionString: await history(...rows) }), `${failed('V2__b')}\n${pending('V3__c')}`)
    const newer = await history({ version: '1' }, { version: '2' }, { version: '3' }, { version: '4', success: false })
    t.equal(await status(t, { tool: 'flyway', dir, connectionString: newer }), 'working', 'that of a newer release, not on disk, is its own business')
  })

  await t.test('what lies below a baseline is never run', async t => {
    const dir = await folderOf(t, files('V1__a.sql', 'V9__b.sql', 'V10__c.sql', 'V10.1__d.sql'))
    const baseline = await history({ version: '10', type: 'BASELINE', description: '<< Flyway Baseline >>' })
    t.equal(await status(t, { tool: 'flyway', dir, connectionString: baseline }), pending('V10.1__d'))
    const newest = await folderOf(t, files('V11__e.sql'))
    t.equal(await status(t, { tool: 'flyway', dir: newest, connectionString: baseline }), pending('V11__e'), 'a baseline stands for no file')
    const moved = await history({ version: '9', type: 'BASELINE' }, { version: '10.0.1', type: 'BASELINE' }, { version: '2', type: 'BASELINE' })
    t.equal(await status(t, { tool: 'flyway', dir, connectionString: moved }), pending('V10.1__d'), 'the highest of several')
  })

  await t.test('a baseline migration begins an empty database, and no other', async t => {
    const dir = await folderOf(t, files('V1__a.sql', 'B1__a.sql', 'V2__b.sql', 'B2__b.sql', 'V3__c.sql'))
    const after = async (...rows: Array<Omit<FlywayRow, 'rank'>>) => await status(t, { tool: 'flyway', dir, connectionString: await history(...rows) })
    t.equal(await after(), pending('B2__b', 'V3__c'))
    t.equal(await after({ version: '2', type: 'SQL_BASELINE' }), pending('V3__c'))
    t.equal(await after({ version: '2', type: 'SQL_STATE_SCRIPT' }, { version: '3' }), 'working', 'as older versions of Flyway call it')
    t.equal(await after({ version: '1' }), pending('V2__b', 'V3__c'))
    t.equal(await after({ version: '1', type: 'BASELINE' }), pending('V2__b', 'V3__c'))
    t.equal(await after({ version: '1' }, { version: '1', type: 'UNDO_SQL' }), pending('B2__b', 'V3__c'), 'it is empty again')
  })

  await t.test('the table may have another name and schema, and hold the note of a schema that was made', async t => {
    const dir = await folderOf(t, files('V1__a.sql', 'V2__b.sql'))
    const made = { description: '<< Flyway Schema Creation >>', type: 'SCHEMA' }
    const connectionString = await history(made)
    t.equal(await status(t, { tool: 'flyway', dir, connectionString }), pending('V1__a', 'V2__b'), 'which is no migration')
    await withClient(connectionString, async client => {
      await client.query(flywayRow({ rank: 2, version: '1' }))
      await client.query('CREATE SCHEMA shop')
      await client.query('ALTER TABLE flyway_schema_history SET SCHEMA shop')
      await client.query('ALTER TABLE shop.flyway_schema_history RENAME TO history')
    })
    t.equal(await status(t, { tool: 'flyway', dir, connectionString, schema: 'shop', table: 'history' }), pending('V2__b'))
    t.equal(await status(t, { tool: 'flyway', dir, connectionString }), pending('V1__a', 'V2__b'))
  })

  await t.test('a table of something else is told', async t => {
    const dir = await folderOf(t, files('V1__a.sql'))
    const connectionString = await database('CREATE TABLE flyway_schema_history (version text)')
    t.equal(await status(t, { tool: 'flyway', dir, connectionString }), 'unexpected result: the table of migrations is not one of flyway')
  })
})

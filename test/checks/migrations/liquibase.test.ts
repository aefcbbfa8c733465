import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'tap'
import { databasesOf, fixtures, folderOf, healthOf, liquibaseRow, liquibaseTable, pendingChangeSets, status, withClient } from '../../helpers/migrations.js'
import { startPostgres } from '../../helpers/postgres.js'

const sql = (...lines: string[]) => ['--liquibase formatted sql', '', ...lines, ''].join('\n')
const xml = (...lines: string[]) => ['<?xml version="1.0" encoding="UTF-8"?>', '<databaseChangeLog xmlns="http://www.liquibase.org/xml/ns/dbchangelog">', ...lines, '</databaseChangeLog>'].join('\n')
const json = (...entries: unknown[]) => JSON.stringify({ databaseChangeLog: entries })

test('the books of Liquibase', async t => {
  const postgres = await startPostgres(t)
  const database = databasesOf(postgres)
  const empty = await database()

  /** A database in which Liquibase has run these change sets. */
  const history = async (...changeSets: string[]) => await database(liquibaseTable, ...changeSets.map(changeSet => liquibaseRow(changeSet)))

  /** What is found of a changelog before anything has run. */
  async function found (path: string, content: string | Buffer): Promise<string> {
    return await status(t, { tool: 'liquibase', dir: await folderOf(t, { [path]: content }), connectionString: empty })
  }

  await t.test('change sets of formatted SQL are found by their comments', async t => {
    t.equal(await found('a.sql', sql(
      '--changeset ann:1', 'SELECT 1;', '--rollback SELECT 2;',
      '  -- ChangeSet ann lee:two runOnChange:true splitStatements:false', 'SELECT 1;',
      '--changeset "ann: lee":"3 c" labels:', 'SELECT 1;',
      '-- a changeset ann:4 of prose', 'SELECT \'--changeset ann:5\';'
    )), pendingChangeSets('a.sql::1::ann', 'a.sql::3 c::ann: lee', 'a.sql::two::ann lee'))
    t.equal(await found('a.SQL', '\uFEFF\r\n  -- Liquibase Formatted SQL\r\n--changeset ann:1\r\nSELECT 1;\r\n'), pendingChangeSets('a.SQL::1::ann'))
    t.equal(await found('a.sql', sql(
      '--changeset ann:1', '--ignoreLines:2', '--changeset ann:2', '--ignoreLines:end', '--changeset ann:3',
      '--ignoreLines:start', '--changeset ann:4', '--ignoreLines:1', '--changeset ann:5', '--ignoreLines:end', '--changeset ann:6'
    )), pendingChangeSets('a.sql::1::ann', 'a.sql::3::ann', 'a.sql::6::ann'), 'lines that Liquibase ignores are ignored')
  })

  await t.test('change sets of XML are found, and nothing that only looks like one', async t => {
    t.equal(await found('a.xml', xml(
      '<changeSet id="1" author="ann"><sql>SELECT 1</sql></changeSet>',
      "<changeSet\n  runAlways = 'true'\n  author = 'o&apos;hara &amp; &#115;&#x6F;n &unknown;'\n  id='2 > \"1\"'\n/>",
      '<!-- <changeSet id="3" author="ann"/> -->',
      '<changeSet id="4" author="ann"><sql><![CDATA[ <changeSet id="5" author="ann"/> ]]></sql><comment>It\'s "4"</comment></changeSet>',
      '<?changelog <changeSet id="6" author="ann"/> ?>',
      '<changeSetTemplate id="7" author="ann"/>',
      '<include file="b.xml"/>'
    )), pendingChangeSets('a.xml::1::ann', 'a.xml::2 > "1"::o\'hara & son &unknown;', 'a.xml::4::ann'))
    t.equal(await found('a.xml', '<db:databaseChangeLog xmlns:db="x"><db:changeSet id="1" author="ann"/></db:databaseChangeLog>'), pendingChangeSets('a.xml::1::ann'))
    t.equal(await found('a.xml', xml('<changeSet id="1"/>')), 'unexpected result: a change set of the changelog a.xml has no id or no author')
  })

  await t.test('change sets of JSON are found', async t => {
    t.equal(await found('a.json', json({ changeSet: { id: 1, author: 'ann', changes: [] } }, { include: { file: 'b.json' } }, { changeSet: { id: 'two', author: 'bob' } })),
      pendingChangeSets('a.json::1::ann', 'a.json::two::bob'))
    for (const broken of ['{ "databaseChangeLog": [', '{ "databaseChangeLog": 1 }', '[{ "databaseChangeLog": [] }]']) {
      t.equal(await found('a.json', broken), 'unexpected result: the changelog a.json cannot be parsed', broken)
    }
    for (const broken of [null, {}, { id: 1 }, { id: '', author: 'ann' }]) {
      t.equal(await found('a.json', json({ changeSet: broken })), 'unexpected result: a change set of the changelog a.json has no id or no author')
    }
  })

  await t.test('YAML is refused where it holds change sets, at boot as well', async t => {
    const yaml = (...lines: string[]) => ['databaseChangeLog:', ...lines, ''].join('\n')
    const include = ['# Each changeSet: a file.', '- include:', '    file: a.sql']
    const changelogs = { 'main.yaml': yaml(...include), 'docker.yml': 'services: {}\n', 'a.sql': sql('--changeset ann:1', 'SELECT 1;') }
    t.equal(await status(t, { tool: 'liquibase', dir: await folderOf(t, changelogs), connectionString: empty }), pendingChangeSets('a.sql::1::ann'), 'one that only includes others is none')

    const dir = await folderOf(t, { ...changelogs, 'late/b.yml': yaml('- changeSet:', '    id: 2', '    author: ann') })
    const refused = 'unexpected result: the changelog late/b.yml holds change sets in YAML, which this check does not read'
    const health = healthOf(t, { tool: 'liquibase', dir, connectionString: empty })
    t.equal(await health.status(), refused)
    t.match(await health.faults(), [/^E007 .*holds change sets in YAML/])
    t.equal(await status(t, { tool: 'liquibase', dir, connectionString: empty, ignore: '^late$' }), pendingChangeSets('a.sql::1::ann'), 'a folder can be ignored')
    t.equal(await found('a.yaml', yaml('  - { "changeSet": { id: 1, author: ann } }')), refused.replace('late/b.yml', 'a.yaml'))
  })

  await t.test('a folder without any change set is refused, an empty one is not', async t => {
    const none = 'unexpected result: the folder of migrations holds no change set of Liquibase in formatted SQL, XML or JSON'
    t.equal(await found('a.sql', 'CREATE TABLE a (id int);\n'), none, 'SQL without the header')
    t.equal(await found('a.sql', ''), none)
    t.equal(await found('a.xml', '<project><changeSet id="1" author="ann"/></project>'), none, 'XML of something else')
    t.equal(await found('a.json', '{ "name": "app" }'), none, 'JSON of something else')
    t.equal(await found('main.yaml', 'databaseChangeLog:\n- includeAll:\n    path: db/changes\n'), none, 'YAML that includes others')
    t.equal(await found('README.md', '--liquibase formatted sql\n--changeset ann:1\n'), 'working')
  })

  await t.test('a row is of the file whose path within the folder ends its own', async t => {
    const dir = await folderOf(t, { 'a.sql': sql('--changeset ann:1', 'SELECT 1;'), 'v2/a.sql': sql('--changeset ann:1', 'SELECT 1;') })
    const after = async (...changeSets: string[]) => await status(t, { tool: 'liquibase', dir, connectionString: await history(...changeSets) })
    t.equal(await after('a.sql::1::ann'), pendingChangeSets('v2/a.sql::1::ann'))
    t.equal(await after('db/v2/a.sql::1::ann'), 'working')
    t.equal(await after('db/aa.sql::1::ann'), `unexpected result: the folder of migrations holds none of those that are applied\n${pendingChangeSets('a.sql::1::ann', 'v2/a.sql::1::ann')}`)
    t.equal(await after('a.sql::1::ann', 'v2/a.sql::1::bob'), pendingChangeSets('v2/a.sql::1::ann'), 'of another author')
    for (const path of ['classpath:db/v2/a.sql', 'C:\\db\\v2\\a.sql', '/db/changes/../v2/./a.sql']) t.equal(await after(`${path}::1::ann`), 'working', path)
  })

  await t.test('a logical path stands for that of the file', async t => {
    const dir = await folderOf(t, {
      'a.sql': '--liquibase formatted sql logicalFilePath:first.sql\n--changeset ann:1\nSELECT 1;\n--changeset ann:2 logicalFilePath:"/second.sql"\nSELECT 1;\n',
      'b.xml': '<databaseChangeLog logicalFilePath="db/third.xml"><changeSet id="3" author="ann"/><changeSet id="4" author="ann" logicalFilePath="fourth.xml"/></databaseChangeLog>',
      'c.json': json({ logicalFilePath: 'fifth.json' }, { changeSet: { id: '5', author: 'ann' } }),
    })
    const all = ['first.sql::1::ann', 'second.sql::2::ann', 'db/third.xml::3::ann', 'fourth.xml::4::ann', 'fifth.json::5::ann']
    t.equal(await status(t, { tool: 'liquibase', dir, connectionString: await history(...all) }), 'working')
    t.equal(await status(t, { tool: 'liquibase', dir, connectionString: await history('a.sql::1::ann', 'db/second.sql::2::ann', ...all.slice(2)) }), pendingChangeSets('a.sql::1::ann', 'a.sql::2::ann'))
  })

  await t.test('a change set that an update may pass over is never pending', async t => {
    const dir = await folderOf(t, {
      'a.sql': sql(...[
        '1 context:test', '2 contextFilter:"a and b"', '3 labels:v1', '4 ignore:true', '5 dbms:oracle,h2', '6 dbms:!postgresql', '7 dbms:none',
        '8 dbms:postgresql,h2', '9 dbms:!oracle', '10 dbms:all', '11 ignore:false', '12 dbms:PostgreSQL',
      ].flatMap(rest => [`--changeset ann:${rest}`, 'SELECT 1;'])),
      'b.xml': '<databaseChangeLog context="test"><changeSet id="1" author="ann"/></databaseChangeLog>',
      'c.json': json({ changeSet: { id: '1', author: 'ann', ignore: true } }, { changeSet: { id: '2', author: 'ann', labels: '' } }),
    })
    const connectionString = await history('a.sql::1::ann')
    t.equal(await status(t, { tool: 'liquibase', dir, connectionString }),
      pendingChangeSets('a.sql::10::ann', 'a.sql::11::ann', 'a.sql::12::ann', 'a.sql::8::ann', 'a.sql::9::ann') + ' and 1 more', 'that it has run is known all the same')
    t.equal(await status(t, { tool: 'liquibase', dir, connectionString, ignore: 'sql$' }),
      `unexpected result: the folder of migrations holds none of those that are applied\n${pendingChangeSets('c.json::2::ann')}`)
  })

  await t.test('a row counts by how the change set was executed', async t => {
    const dir = await folderOf(t, { 'a.sql': sql(...[1, 2, 3, 4, 5].flatMap(id => [`--changeset ann:${id}`, 'SELECT 1;'])) })
    const types = ['EXECUTED', 'RERAN', 'MARK_RAN', 'FAILED', 'SKIPPED']
    const connectionString = await database(liquibaseTable, ...types.map((type, index) => liquibaseRow(`a.sql::${index + 1}::ann`, type)))
    t.equal(await status(t, { tool: 'liquibase', dir, connectionString }), `unavailable: Migrations failed: a.sql ann:4\n${pendingChangeSets('a.sql::5::ann')}`)
    await withClient(connectionString, async client => {
      for (const id of [4, 5]) await client.query(liquibaseRow(`a.sql::${id}::ann`))
    })
    t.equal(await status(t, { tool: 'liquibase', dir, connectionString }), 'working')
  })

  await t.test('the table may have another name and schema', async t => {
    const dir = await folderOf(t, { 'a.sql': sql('--changeset ann:1', 'SELECT 1;') })
    const connectionString = await history('a.sql::1::ann')
    await withClient(connectionString, async client => {
      await client.query('CREATE SCHEMA shop')
      await client.query('ALTER TABLE databasechangelog SET SCHEMA shop')
      await client.query('ALTER TABLE shop.databasechangelog RENAME TO changes')
    })
    t.equal(await status(t, { tool: 'liquibase', dir, connectionString, schema: 'shop', table: 'changes' }), 'working')
    t.equal(await status(t, { tool: 'liquibase', dir, connectionString }), pendingChangeSets('a.sql::1::ann'))
  })

  // Liquibase 4.28.0 has run this changelog here by `liquibase update --contexts=prod --labels=v1`, and pg_dump has written down its table.
  await t.test('what Liquibase has run is applied, and what its status calls not applied is pending', async t => {
    const recorded = join(fixtures, 'liquibase-run')
    const connectionString = await database(await readFile(join(recorded, 'databasechangelog.sql'), 'utf8'))
    t.equal(await status(t, { tool: 'liquibase', dir: join(recorded, 'changelog'), connectionString }),
      pendingChangeSets('main.xml::9::ann', 'v2/b.sql::7::bob'), 'one that failed with failOnError="false", and one that a precondition put off')
  })
})

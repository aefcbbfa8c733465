import { cp, symlink } from 'node:fs/promises'
import { join } from 'node:path'
import t, { test } from 'tap'
import { addressOf, client, root, runToEnd, start, temporaryFolder } from './helpers/example.js'
import { until } from './helpers/leaks.js'

// It compiles everything.
t.setTimeout(240_000)

test('npm start builds a checkout, runs the service and says what to try', async t => {
  const checkout = temporaryFolder(t)
  const needed = ['build.js', 'examples', 'lib', 'package.json', 'tsconfig.build.json', 'tsconfig.json', 'types']
  await Promise.all(needed.map(async name => await cp(join(root, name), join(checkout, name), { recursive: true })))
  await symlink(join(root, 'node_modules'), join(checkout, 'node_modules'))

  const service = start(t, ['npm', 'start'], { cwd: checkout, env: { PORT: '0' } })
  const address = await addressOf(service)
  await until(() => service.output().includes('Ctrl+C'))
  const commands = service.output().match(/^ {2}curl .*?(?= {2}|$)/gm) ?? []
  t.equal(commands.length, 6, service.output())
  const answers = []
  for (const command of commands) answers.push((await runToEnd(['sh', '-c', `${command} --silent`])).out)
  t.match(answers, [
    '{"status":"ok"}',
    'DatabaseHeartbeatCheck   ... working\n',
    /^\{"DatabaseHeartbeatCheck":"working","DiskUsageCheck":/,
    /^\[\{"id":1,"placed_at"/,
    '{"database":"stopped"}',
    '{"database":"started"}',
  ])
  const pages = service.output().match(/^ {2}http\S+/gm) ?? []
  t.strictSame(pages.map(page => page.trim().slice(address.length)), ['/healthcheck/integrations', '/docs'])
  for (const page of pages) t.match(await client(page.trim()).ask(''), [200, '<!DOCTYPE html>'], page)
})

import t from 'tap'
import { command } from '../helpers/command.js'

t.test('every format of the wire is one of the command line', async t => {
  t.strictSame(await command(['-s', 'bad', '--format', 'json']), { status: 1, out: '{"Fine":"working","Gone":"unavailable: connection refused"}\n', err: '' })
  t.match(await command(['-s', 'good', '--format', 'html']), { status: 0, out: /^<!DOCTYPE html>/ })
  const { out } = await command(['-s', 'good', '--format', 'health+json'])
  t.match(JSON.parse(out), { status: 'pass' })
  t.match(await command(['-s', 'bad', '--format', 'openmetrics']), { status: 1, out: /# EOF\n$/ })
})

t.test('JSON for a terminal escapes every control character', async t => {
  const { out } = await command(['--config', 'hostile.config.js', '-s', 'odd', '--format', 'json'])
  t.ok('Gone\u009b2J' in JSON.parse(out))
  t.match(out, '"Gone\\u009b2J":"unavailable: ]0;forged Forged ... working"')
})

t.test('a terminal gets colours: red fails the subset, yellow does not', async t => {
  t.equal((await command(['-s', 'bad'], { colour: true })).out,
    'Fine                     ... \u001b[32mworking\u001b[39m\nGone                     ... \u001b[31munavailable: connection refused\u001b[39m\n')
  t.match((await command(['-s', 'lenient'], { colour: true })).out, '\u001b[33munavailable: connection refused\u001b[39m')
})

t.test('a format that does not exist exits 2 and names the nearest', async t => {
  t.match(await command(['-s', 'good', '--format', 'jsn']), { status: 2, err: /There is no format 'jsn'\. Did you mean 'json'\?/ })
  t.match(await command(['-s', 'good', '--format', 'constructor']), { status: 2, err: /There is no format 'constructor'/ })
})

t.test('--format nagios prints a plugin\'s line and exits with a plugin\'s status, whatever happens', async t => {
  t.match(await command(['-s', 'good', '--format', 'nagios']), { status: 0, out: /^FASTIFY-HEALTH OK - good: 1 check working\|'Fine'=[\d.]+ms;;;0\n$/ })
  t.match(await command(['-s', 'bad', '--format', 'nagios']), { status: 2, out: /^FASTIFY-HEALTH CRITICAL - bad: 1 of 2 checks failing: Gone/ })
  t.match(await command(['-s', 'lenient', '--format', 'nagios']), { status: 1, out: /^FASTIFY-HEALTH WARNING - / })
  t.match(await command(['-s', 'ghost', '--format', 'nagios']), { status: 3, out: /^FASTIFY-HEALTH UNKNOWN - Subset: 'ghost' does not exist/, err: '' })
  t.match(await command(['-s', 'broken', '--format', 'nagios']), { status: 3, out: /^FASTIFY-HEALTH UNKNOWN - E004/ })
  t.match(await command(['--format=nagios']), { status: 3, out: /^FASTIFY-HEALTH UNKNOWN - Name the subset to ask/ })
})

import t from 'tap'
import { parseArguments } from '../../lib/cli/args.js'

t.test('a subset is asked in plain text, with the system checks, unless the arguments say otherwise', async t => {
  t.strictSame(parseArguments(['--subset', 'readiness']), {
    command: 'run', subset: 'readiness', skipChecks: false, format: 'plain', timeout: undefined, config: undefined, app: undefined,
  })
  t.strictSame(parseArguments(['-s', 'readiness', '--skip-checks', '--format', 'json', '--timeout', '500', '--config', 'x.js']), {
    command: 'run', subset: 'readiness', skipChecks: true, format: 'json', timeout: 500, config: 'x.js', app: undefined,
  })
  t.match(parseArguments(['-s', 'readiness', '--app', 'app.js']), { command: 'run', subset: 'readiness', app: 'app.js', config: undefined })
})

t.test('the other commands are named first', async t => {
  t.match(parseArguments(['check']), { command: 'check' })
  t.match(parseArguments(['manifest', 'kubernetes', '--kind', 'worker', '--name', 'orders', '--port', '8080', '--node', '/nodejs/bin/node', '--grpc']), { command: 'manifest', grpc: true, target: 'kubernetes', kind: 'worker', name: 'orders', port: 8080, node: '/nodejs/bin/node' })
  t.match(parseArguments(['serve', '--port', '9000', '--host', '127.0.0.1']), { command: 'serve', port: 9000, host: '127.0.0.1' })
  t.match(parseArguments(['serve', '--port', '9000']), { host: '0.0.0.0' })
  t.match(parseArguments(['fleet', '--format', 'json']), { command: 'fleet', format: 'json' })
  t.match(parseArguments(['mute', 'Till', '-s', 's', '--for', '2h', '--because', 'x', '--by', 'ops']), { command: 'mute', check: 'Till', subset: 's', time: 7_200_000, because: 'x', by: 'ops' })
  for (const [time, expected] of [['90s', 90_000], ['30m', 1_800_000], ['1d', 86_400_000], ['90d', 7_776_000_000]] as const) t.match(parseArguments(['mute', 'Till', '-s', 's', '--because', 'x', '--for', time]), { time: expected })
  t.match(parseArguments(['unmute', 'Till', '-s', 's']), { command: 'unmute', check: 'Till', subset: 's' })
  t.match(parseArguments(['--help']), { command: 'help' })
  t.match(parseArguments(['-v']), { command: 'version' })
})

for (const [argv, message] of [
  [[], /Name the subset to ask/],
  [['-s'], /'-s, --subset <value>' argument missing/],
  [['--subst', 'x'], /^There is no option '--subst'\. Did you mean '--subset'\?$/],
  [['-s', 'x', '--formt', 'json'], /^There is no option '--formt'\. Did you mean '--format'\?$/],
  [['-s', 'x', '-q'], /Unknown option '-q'/],
  [['-s', 'x', '--app', 'a.js', '--config', 'c.js'], /--app and --config exclude each other/],
  [['-s', 'x', '--timeout', 'soon'], /--timeout is 'soon': it must be a whole number of milliseconds/],
  [['-s', 'x', '--timeout', '0'], /--timeout is '0'/],
  [['-s', 'x', '--timeout', ''], /--timeout is ''/],
  [['-s', 'x', '--timeout', '1e3'], /--timeout is '1e3'/],
  [['-s', 'x', '--timeout', '0x10'], /--timeout is '0x10'/],
  [['-s', 'x', '--timeout', ' 5'], /--timeout is ' 5'/],
  [['manifest', 'docker', '--port', '70000'], /--port is '70000': it must be a port, 1 to 65535/],
  [['manifest', 'docker', '--kind', 'cron'], /--kind is 'cron': it must be web or worker/],
  [['-s', 'x', '--config='], /^--config is empty: it must name a file\.$/],
  [['check', '--app', ''], /^--app is empty: it must name a file\.$/],
  [['manifest', 'docker', '--node='], /^--node is empty: it must name a file\.$/],
  [['manifest'], /Name the target/],
  [['serve'], /Name the port to listen at/],
  [['serve', 'readiness', '--port', '1'], /There is no command 'serve readiness'/],
  [['serve', '--port', '1', '--host='], /^--host is empty: it must name an address\.$/],
  [['manifest', 'kubernetes', 'docker'], /There is no command 'manifest kubernetes docker'/],
  [['fleet', 'shop'], /There is no command 'fleet shop'/],
  [['mute', '-s', 's'], /^Name the check and its subset: fastify-health mute <check> --subset <name>$/],
  [['unmute', 'Till'], /^Name the check and its subset: fastify-health unmute /],
  [['mute', 'Till', '-s', 's', '--because', 'x'], /^Say for how long and why/],
  [['mute', 'Till', '-s', 's', '--for', '2h'], /^Say for how long and why/],
  [['mute', 'Till', 'Disk', '-s', 's'], /There is no command 'mute Till Disk'/],
  [['mute', 'Till', '-s', 's', '--because', 'x', '--for', '2'], /^--for is '2': it must be a whole number of seconds, minutes, hours or days/],
  [['mute', 'Till', '-s', 's', '--because', 'x', '--for', '0s'], /^--for is '0s'/],
  [['mute', 'Till', '-s', 's', '--because', 'x', '--for', '91d'], "--for is '91d': a mute lasts 90 days at most."],
  [['mute', 'Till', '-s', 's', '--because', 'x', '--for', '9999999d'], "--for is '9999999d': a mute lasts 90 days at most."],
  [['mute', 'Till', '-s', 's', '--because', 'x', '--for', '7776001s'], "--for is '7776001s': a mute lasts 90 days at most."],
  [['check', 'readiness'], /There is no command 'check readiness'/],
  [['readiness'], /There is no command 'readiness'/],
  [['toString'], /There is no command 'toString'/],
  [['-s', 'x', '--kind', 'worker'], /^fastify-health --subset does not take --kind\. It takes: --subset, --skip-checks, --format, --config, --app, --timeout\.$/],
  [['check', '--format', 'json'], /^fastify-health check does not take --format\. It takes: --config, --app, --timeout\.$/],
  [['serve', '--port', '9000', '--grpc'], /^fastify-health serve does not take --grpc/],
  [['unmute', 'Till', '-s', 's', '--for', '2h'], /^fastify-health unmute does not take --for/],
] as const) {
  t.test(`fastify-health ${argv.join(' ')} is bad usage`, async t => {
    t.throws(() => parseArguments(argv), { code: 'FST_HEALTH_USAGE', message })
  })
}

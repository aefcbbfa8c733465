// Plain JavaScript with no dependency, because it runs before anything is installed or compiled.
import { spawnSync } from 'node:child_process'
import { existsSync, readdirSync, realpathSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { fileURLToPath } from 'node:url'

/**
 * Every program and Python module that the tests start, by the Debian package that brings it.
 * `in` names folders that are not in anyone's PATH; a `*` stands for one folder, the highest version first.
 *
 * @type {ReadonlyArray<{ package: string, programs?: readonly string[], modules?: readonly string[], in?: readonly string[] }>}
 */
export const needs = [
  { package: 'postgresql', programs: ['postgres', 'initdb'], in: ['/usr/lib/postgresql/*/bin'] },
  { package: 'mariadb-server', programs: ['mariadbd', 'mariadb-install-db'] },
  { package: 'pgbouncer', programs: ['pgbouncer'] },
  { package: 'redis-server', programs: ['redis-server'] },
  // Debian's own wrappers in /usr/sbin change to the user rabbitmq, who cannot write to the tests' folders.
  { package: 'rabbitmq-server', programs: ['rabbitmq-server', 'rabbitmqctl'], in: ['/usr/lib/rabbitmq/bin'] },
  { package: 'memcached', programs: ['memcached'] },
  { package: 'mosquitto', programs: ['mosquitto', 'mosquitto_passwd'] },
  { package: 'nats-server', programs: ['nats-server'] },
  { package: 'kcat', programs: ['kcat'] },
  { package: 'python3-aiosmtpd', modules: ['aiosmtpd'] },
  { package: 'python3-celery', modules: ['celery'] },
  { package: 'python3-redis', modules: ['redis'] },
  { package: 'python3-django-q', modules: ['django_q'] },
  { package: 'python3-grpcio', modules: ['grpc'] },
  { package: 'chromium', programs: ['chromium'] },
  { package: 'haproxy', programs: ['haproxy'] },
  { package: 'dnsmasq-base', programs: ['dnsmasq'] },
  { package: 'prometheus', programs: ['prometheus', 'promtool'] },
  { package: 'prometheus-blackbox-exporter', programs: ['prometheus-blackbox-exporter'] },
  { package: 'monitoring-plugins-basic', programs: ['check_http', 'check_tcp'], in: ['/usr/lib/nagios/plugins'] },
  { package: 'nginx', programs: ['nginx'] },
  { package: 'openssl', programs: ['openssl'] },
  { package: 'systemd', programs: ['systemd-analyze'] },
  { package: 'curl', programs: ['curl'] },
  { package: 'wget', programs: ['wget'] },
]

const python = '/usr/bin/python3'
const pythonModules = '/usr/lib/python3/dist-packages'
const policy = '/usr/sbin/policy-rc.d'
const setAside = `${policy}.before-fastify-health`

/**
 * The path of a program in the table.
 *
 * @param {string} name
 * @returns {string}
 * @throws {Error} naming the Debian package, when the program is not installed; and when the table does not have it
 */
export function program (name) {
  const need = needs.find(({ programs }) => programs?.includes(name))
  if (!need) throw new Error(`No Debian package is known for the program ${name}: add it to test/helpers/install-servers.js`)
  return findProgram(name, need.in) ?? fail(name, need.package)
}

/**
 * The path of the Python that has the modules of Debian's packages; another one in the PATH would not find them.
 *
 * @param {...string} modules
 * @returns {string}
 * @throws {Error} naming the Debian package of a module that is not installed; and when the table does not have it
 */
export function pythonWith (...modules) {
  for (const name of modules) {
    const need = needs.find(({ modules }) => modules?.includes(name))
    if (!need) throw new Error(`No Debian package is known for the Python module ${name}: add it to test/helpers/install-servers.js`)
    if (!hasModule(name)) fail(name, need.package)
  }
  return python
}

/**
 * The Debian packages that the tests need and that are not installed.
 *
 * @returns {string[]}
 */
export function missing () {
  return needs
    .filter((need) =>
      need.programs?.some((name) => !findProgram(name, need.in)) ||
      need.modules?.some((name) => !hasModule(name)))
    .map((need) => need.package)
}

/**
 * @param {string} name
 * @param {string} debianPackage
 * @returns {never}
 */
function fail (name, debianPackage) {
  throw new Error(`${name} is not installed; it is in the Debian package ${debianPackage}: run "node test/helpers/install-servers.js"`)
}

/** @param {string} name */
function hasModule (name) {
  return existsSync(python) && existsSync(join(pythonModules, name))
}

/**
 * @param {string} name
 * @param {readonly string[]} [only]
 * @returns {string | undefined}
 */
function findProgram (name, only) {
  const folders = only
    ? only.flatMap(expand)
    // The sbin folders are in root's PATH alone.
    : [...(process.env['PATH'] ?? '').split(delimiter), '/usr/bin', '/usr/sbin', '/usr/local/sbin']
  return folders.map((folder) => join(folder, name)).find((path) => existsSync(path))
}

/**
 * @param {string} folder
 * @returns {string[]}
 */
function expand (folder) {
  const [before, after] = folder.split('*')
  if (before === undefined || after === undefined) return [folder]
  if (!existsSync(before)) return []
  return readdirSync(before)
    .sort((a, b) => Number(b) - Number(a))
    .map((version) => before + version + after)
}

/** @returns {number} the exit code */
function install () {
  const packages = missing()
  if (packages.length === 0) return 0
  const list = packages.join(' ')
  if (process.getuid?.() !== 0 || !existsSync('/etc/debian_version') || !existsSync('/usr/bin/apt-get')) {
    console.error(`The tests need: sudo apt-get install --no-install-recommends ${list}`)
    return 1
  }
  console.log(`Installing ${list}`)
  const failure = withoutServices(() =>
    apt('update') ?? apt('install', '-y', '--no-install-recommends', ...packages))
  if (failure === undefined && missing().length === 0) return 0
  console.error(failure ?? `apt-get left these uninstalled: ${missing().join(' ')}`)
  return 1
}

/**
 * @param {...string} args
 * @returns {string | undefined} what went wrong
 */
function apt (...args) {
  const { status, error, stdout, stderr } = spawnSync('apt-get', ['-q', '-o', 'DPkg::Lock::Timeout=300', ...args], {
    encoding: 'utf8',
    env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
    stdio: ['ignore', 'pipe', 'pipe'],
    maxBuffer: 64 * 1024 * 1024,
  })
  if (status === 0) return undefined
  return error ? `apt-get: ${error.message}` : `${stdout}${stderr}apt-get ${args.join(' ')} exited with ${status}`
}

/**
 * A package of a server starts it as a system service, unless this policy forbids it.
 *
 * @param {() => string | undefined} work
 * @returns {string | undefined}
 */
function withoutServices (work) {
  // An interrupt ends apt-get too; this process has to live on to put the machine's own policy back.
  const stay = () => {}
  process.on('SIGINT', stay).on('SIGTERM', stay)
  // One that is there already is from an installation that was killed: what lies at `policy` now is ours, not the machine's.
  if (existsSync(policy) && !existsSync(setAside)) renameSync(policy, setAside)
  try {
    writeFileSync(policy, '#!/bin/sh\nexit 101\n', { mode: 0o755 })
    return work()
  } finally {
    rmSync(policy, { force: true })
    if (existsSync(setAside)) renameSync(setAside, policy)
    process.off('SIGINT', stay).off('SIGTERM', stay)
  }
}

if (process.argv[1] !== undefined && realpathSync(process.argv[1]) === fileURLToPath(import.meta.url)) {
  process.exitCode = install()
}

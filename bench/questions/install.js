import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync, readdirSync, statSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { counted } from '../measure.js'

const here = join(import.meta.dirname, '..')
const root = join(here, '..')
const peers = ['@fastify/under-pressure', 'fastify-healthcheck', '@godaddy/terminus', 'lightship', '@nestjs/terminus']

/** What each brings into production, its own dependencies included and its framework left out. */
export default function install () {
  const ours = total(root, packedSize())
  return peers.flatMap(peer => {
    const theirs = total(join(here, 'node_modules', peer))
    const row = (unit, of) => counted({ question: 'what installing it adds', against: peer, unit, ours: of(ours), theirs: of(theirs) })
    return [row('packages', ({ packages }) => packages), row('MB', ({ bytes }) => bytes / 1e6)]
  })
}

/** What is published, without being built anew. */
function packedSize () {
  const [{ unpackedSize }] = JSON.parse(execFileSync('npm', ['pack', '--dry-run', '--json', '--ignore-scripts'], { cwd: root, encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }))
  return unpackedSize
}

function total (folder, own = sizeOf(folder)) {
  const folders = new Map([[folder, own]])
  for (const at of folders.keys()) {
    const { dependencies = {} } = JSON.parse(readFileSync(join(at, 'package.json'), 'utf8'))
    for (const name of Object.keys(dependencies)) {
      const found = resolve(name, at)
      if (!folders.has(found)) folders.set(found, sizeOf(found))
    }
  }
  return { packages: folders.size, bytes: [...folders.values()].reduce((sum, bytes) => sum + bytes, 0) }
}

/** Where Node.js finds a package, whatever its `exports` say. */
function resolve (name, from) {
  for (let at = from; at !== dirname(at); at = dirname(at)) {
    const folder = join(at, 'node_modules', name)
    if (existsSync(join(folder, 'package.json'))) return folder
  }
  throw new Error(`${name} of ${from} is not installed`)
}

/** Bytes of a package's own files. */
function sizeOf (folder) {
  return readdirSync(folder, { withFileTypes: true }).reduce((sum, entry) => {
    if (entry.name === 'node_modules') return sum
    const path = join(folder, entry.name)
    return sum + (entry.isDirectory() ? sizeOf(path) : statSync(path).size)
  }, 0)
}

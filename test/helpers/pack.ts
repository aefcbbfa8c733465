import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Ended } from './command.js'
import { root, runToEnd, type RegistryContext } from './example.js'

export interface Packed {
  /** The tarball. */
  readonly file: string
  /** What is in it, with sizes in bytes. */
  readonly contents: ReadonlyArray<{ readonly path: string, readonly size: number }>
}

const quietly = ['--no-audit', '--no-fund', '--no-update-notifier', '--loglevel=error']

/** Packs what the last build made. Building here would take dist/ away from the tests that run at the same time. */
export async function pack (folder: string): Promise<Packed> {
  const [packed] = JSON.parse((await npm(['pack', '--ignore-scripts', '--json', '--pack-destination', folder])).out)
  return { file: join(folder, packed.filename), contents: packed.files }
}

/** Installs packages into a folder that has nothing but a package.json. */
export async function install (folder: string, packages: readonly string[], options: readonly string[] = []): Promise<void> {
  await mkdir(folder, { recursive: true })
  await writeFile(join(folder, 'package.json'), '{ "name": "orders", "private": true, "type": "module" }')
  await npm(['install', '--prefer-offline', ...options, ...packages], { cwd: folder })
}

/** The folders of node of these major versions, the newest ones that npm has for this platform; each is one for a PATH. */
export async function installNodes (folder: string, majors: readonly number[]): Promise<string[]> {
  const platform = `node-${process.platform === 'win32' ? 'win' : process.platform}-${process.arch}`
  await install(folder, majors.map(major => `node-${major}@npm:${platform}@${major}`), ['--ignore-scripts', '--no-bin-links'])
  return majors.map(major => join(folder, 'node_modules', `node-${major}`, 'bin'))
}

/** The newest Bun and Deno that npm has for this platform, and what runs a file in them. */
export async function installOtherRuntimes (folder: string): Promise<Record<'Bun' | 'Deno', readonly string[]>> {
  await install(folder, ['bun', 'deno'], ['--ignore-scripts', '--no-bin-links'])
  const modules = join(folder, 'node_modules')
  const [bun = '', deno = ''] = await Promise.all(['@oven', '@deno'].map(async scope => {
    const [only = ''] = await readdir(join(modules, scope))
    return join(modules, scope, only)
  }))
  return { Bun: [join(bun, 'bin/bun')], Deno: [join(deno, 'deno'), 'run', '--allow-all', '--node-modules-dir=manual'] }
}

/** Every file below a folder, with its content. */
export async function filesBelow (folder: string): Promise<Map<string, string>> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true })
  const files = entries.filter(entry => entry.isFile()).map(({ parentPath, name }) => join(parentPath, name))
  return new Map(await Promise.all(files.map(async file => [file, await readFile(file, 'utf8')] as const)))
}

async function npm (words: readonly string[], { cwd = root }: RegistryContext = {}): Promise<Ended> {
  const ended = await runToEnd(outsideOfNpm(['npm', ...words, ...quietly]), { cwd })
  if (ended.status !== 0) throw new Error(`npm ${words.join(' ')} exited with ${ended.status}:\n${ended.out}${ended.err}`)
  return ended
}

/** npm tells the scripts that it runs where they run and how it is configured; another npm would take that for itself. */
export function outsideOfNpm (words: readonly string[]): string[] {
  const told = Object.keys(process.env).filter(name => /^(?:npm_(?!config_(?:registry|cache|userconfig)$)|INIT_CWD$)/i.test(name))
  return ['/usr/bin/env', ...told.flatMap(name => ['-u', name]), ...words]
}

import { readdir, realpath, stat } from 'node:fs/promises'
import { join, posix } from 'node:path'

/** The paths of the files in `dir` and its folders, relative to it and with slashes, without hidden and ignored ones. */
export async function filesBelow (
  dir: string,
  ignored: (name: string) => boolean,
  under = '',
  above: readonly string[] = []
): Promise<string[]> {
  const here = await realpath(join(dir, under))
  // A symbolic link can lead back to a folder above.
  if (above.includes(here)) return []
  const found: string[] = []
  for (const entry of await readdir(here, { withFileTypes: true })) {
    if (entry.name.startsWith('.') || ignored(entry.name)) continue
    const path = posix.join(under, entry.name)
    // A mounted ConfigMap shows its files and folders as symbolic links.
    const kind = entry.isSymbolicLink() ? await stat(join(here, entry.name)) : entry
    if (kind.isDirectory()) found.push(...await filesBelow(dir, ignored, path, [...above, here]))
    else if (kind.isFile()) found.push(path)
  }
  return found
}

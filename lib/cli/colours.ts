import { fstatSync } from 'node:fs'

/** Returns whether the descriptor is a terminal that shows colours. NO_COLOR and TERM can say that it does not. */
export async function showsColours (descriptor: number, env: NodeJS.ProcessEnv): Promise<boolean> {
  // Most descriptors are pipes or files, for which the module of terminals need not be loaded.
  if (!fstatSync(descriptor).isCharacterDevice()) return false
  const { isatty, WriteStream } = await import('node:tty')
  return isatty(descriptor) && WriteStream.prototype.hasColors(env)
}

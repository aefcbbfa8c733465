import { fstatSync } from 'node:fs'

/** Whether what is written to the descriptor is for somebody who sees colours: a terminal, unless NO_COLOR or TERM say otherwise. */
export async function colours (descriptor: number, env: NodeJS.ProcessEnv): Promise<boolean> {
  // Most are pipes and files, for which the terminal's module need not be loaded.
  if (!fstatSync(descriptor).isCharacterDevice()) return false
  const { isatty, WriteStream } = await import('node:tty')
  return isatty(descriptor) && WriteStream.prototype.hasColors(env)
}

/** Returns the working directory of the process, or `undefined` if it was deleted. */
export function workingDirectory (): string | undefined {
  try {
    return process.cwd()
  } catch {
    return undefined
  }
}

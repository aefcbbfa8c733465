/** The working directory of the process; `undefined` where it was deleted. */
export function workingDirectory (): string | undefined {
  try {
    return process.cwd()
  } catch {
    return undefined
  }
}

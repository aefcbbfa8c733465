import { inspect } from 'node:util'
import type { FastifyBaseLogger } from 'fastify'

const levels = ['trace', 'debug', 'info', 'warn', 'error', 'fatal'] as const

type Fields = Record<string, unknown>

/** Makes a logger for a process without Fastify. It writes messages of `level` and above, each as one line of JSON. */
export function lineLogger (
  write: (line: string) => unknown,
  level: FastifyBaseLogger['level'] = 'warn',
  fields: Fields = {}
): FastifyBaseLogger {
  const at = (name: typeof levels[number]) => (first: unknown, second?: unknown) => {
    const [extra, message] = splitArguments(first, second)
    write(`${logLine({ level: name, ...fields, ...extra, msg: message })}\n`)
  }
  const loud = levels.slice(level === 'silent' ? levels.length : levels.indexOf(level as 'warn'))
  return {
    ...Object.fromEntries(
      levels.map(name => [name, loud.includes(name) ? at(name) : () => {}])
    ) as Pick<FastifyBaseLogger, typeof levels[number]>,
    level,
    silent: () => {},
    child: (more: Fields) => lineLogger(write, level, { ...fields, ...more }),
  }
}

/** Splits the arguments as pino does: a message, fields and a message, or an error and an optional message. */
function splitArguments (first: unknown, second: unknown): [extra: Fields, message: unknown] {
  if (typeof first === 'string') return [{}, first]
  if (first instanceof Error) return [{ err: first }, second ?? first.message]
  return [first as Fields, second]
}

function logLine (fields: Fields): string {
  try {
    return JSON.stringify(fields, (_key, value) => {
      if (value instanceof Error) return { type: value.name, message: value.message, stack: value.stack }
      return typeof value === 'bigint' ? String(value) : value
    })
  } catch {
    // The fields contain a circle, or a `toJSON` threw.
    const { level, msg } = fields
    return JSON.stringify({ level, msg, fields: inspect(fields) })
  }
}

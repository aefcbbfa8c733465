import type { FastifyInstance } from 'fastify'

/** Those that decide which spellings of a path the router takes for the same. */
export interface RouterOptions {
  readonly caseSensitive: boolean
  readonly ignoreDuplicateSlashes: boolean
  readonly ignoreTrailingSlash: boolean
  readonly useSemicolonDelimiter: boolean
}

/** Fastify takes them beside its other options, too, and fills in defaults in the place where nobody set them. */
export function routerOptions ({ initialConfig }: Pick<FastifyInstance, 'initialConfig'>): RouterOptions {
  const places = [initialConfig, initialConfig.routerOptions ?? {}] as Array<Partial<RouterOptions>>
  return {
    caseSensitive: !places.some(({ caseSensitive }) => caseSensitive === false),
    ignoreDuplicateSlashes: places.some(({ ignoreDuplicateSlashes }) => ignoreDuplicateSlashes === true),
    ignoreTrailingSlash: places.some(({ ignoreTrailingSlash }) => ignoreTrailingSlash === true),
    useSemicolonDelimiter: places.some(({ useSemicolonDelimiter }) => useSemicolonDelimiter === true),
  }
}

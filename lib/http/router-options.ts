import type { FastifyInstance } from 'fastify'

/** The options that decide which spellings of a path are the same to the router. */
export interface RouterOptions {
  readonly caseSensitive: boolean
  readonly ignoreDuplicateSlashes: boolean
  readonly ignoreTrailingSlash: boolean
  readonly useSemicolonDelimiter: boolean
}

/** Returns the router's options. Fastify accepts them in two places, and fills in the defaults in the place where nobody set them. */
export function routerOptions ({ initialConfig }: Pick<FastifyInstance, 'initialConfig'>): RouterOptions {
  const places = [initialConfig, initialConfig.routerOptions ?? {}] as Array<Partial<RouterOptions>>
  return {
    caseSensitive: !places.some(({ caseSensitive }) => caseSensitive === false),
    ignoreDuplicateSlashes: places.some(({ ignoreDuplicateSlashes }) => ignoreDuplicateSlashes === true),
    ignoreTrailingSlash: places.some(({ ignoreTrailingSlash }) => ignoreTrailingSlash === true),
    useSemicolonDelimiter: places.some(({ useSemicolonDelimiter }) => useSemicolonDelimiter === true),
  }
}

import { createHealth, defineCheck } from '../../dist/lib/index.js'

const idle = identifier => defineCheck({ identifier, check () {} })

/** Subsets of checks that do nothing: entries of one class, or each of a class of its own. */
export function idleChecks ({ sizes, oneClass }) {
  const Idle = idle('idle')
  const entry = (_, number) => oneClass ? [Idle, { identifier: `check ${number}` }] : idle(`check ${number}`)
  const subsets = Object.fromEntries(sizes.map(size => [`of${size}`, Array.from({ length: size }, entry)]))
  const health = createHealth({ subsets })
  return {
    async run (size, times) {
      for (let n = 0; n < times; n++) {
        const { healthy, results } = await health.run(`of${size}`)
        if (!healthy || results.length !== size) throw new Error('Not every check ran')
      }
    },
  }
}

/** What a registry keeps of one subset with so many checks. What the app itself made for them is there before. */
export function keptChecks ({ size, oneClass }) {
  const Idle = idle('idle')
  const checks = Array.from({ length: size }, (_, number) => oneClass ? [Idle, { identifier: `check ${number}` }] : idle(`check ${number}`))
  let health
  return {
    async run (times) {
      health ??= createHealth({ subsets: { all: checks } })
      for (let n = 0; n < times; n++) await health.run('all')
    },
  }
}

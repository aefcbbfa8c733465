import { createHealth, defineCheck } from '../../dist/lib/index.js'

const idle = number => defineCheck({ identifier: `check ${number}`, check () {} })

/** Subsets of checks that do nothing. */
export function idleChecks ({ sizes }) {
  const subsets = Object.fromEntries(sizes.map(size => [`of${size}`, Array.from({ length: size }, (_, number) => idle(number))]))
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

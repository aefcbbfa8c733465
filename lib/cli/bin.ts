#!/usr/bin/env node
import { run } from './run.js'

const { stdout, stderr, env } = process

// Whoever reads the output may be gone; the exit status still counts.
for (const stream of [stdout, stderr]) stream.on('error', () => {})

const status = await run(process.argv.slice(2), {
  out: text => { stdout.write(text) },
  err: text => { stderr.write(text) },
  cwd: process.cwd(),
  colour: stdout.isTTY && !env['NO_COLOR'],
})
await Promise.all([stdout, stderr].map(async stream => await new Promise(resolve => { stream.write('', resolve) })))
// Not exitCode: whatever a check left open must not keep the command alive.
process.exit(status)

#!/usr/bin/env node
import { colours } from './colours.js'
import { run } from './run.js'
import { write } from './write.js'

const status = await run(process.argv.slice(2), {
  out: text => write(1, text),
  err: text => write(2, text),
  cwd: process.cwd(),
  colour: await colours(1, process.env),
})
// Not exitCode: whatever a check left open must not keep the command alive.
process.exit(status)

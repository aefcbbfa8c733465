import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'tap'
import { root } from './helpers/example.js'
import { patternOf, textsOf, textsOfSource, type SourceText } from './helpers/texts.js'

const pages = readdirSync(join(root, 'docs'), { recursive: true, encoding: 'utf8' }).filter(file => file.endsWith('.md')).sort()

/** What stands as code in the first cells of tables that say what to do, by the page. */
const explained = new Map(pages.map(page => [page, explainedBy(readFileSync(join(root, 'docs', page), 'utf8'))]))

function explainedBy (text: string): string[] {
  const tables = text.matchAll(/^\|.*\| what to do \|\n\|[-| ]+\|\n((?:\|.*\n)+)/gm)
  return [...tables].flatMap(([, rows = '']) => rows.trim().split('\n')).flatMap(row => {
    const [cell = '', ...others] = row.slice(1, -1).split(/(?<!\\)\|/).map(cell => cell.trim())
    // Without a word about it, it is not explained.
    if (others.some(other => other === '')) return []
    return [...cell.matchAll(/(`+) ?(.+?) ?\1(?!`)/g)].map(([, , code]) => code as string)
  })
}

/** Where a text has to be looked up: that of a check on its own page, or where texts of all checks are. */
function placesOf ({ file }: SourceText): string[] {
  const [, module] = /^checks\/([\w-]+)/.exec(file) ?? []
  const own = `checks/${module}.md`
  return explained.has(own) ? [own, 'troubleshooting.md', 'system-checks.md'] : pages
}

test('what the package can say is read from its source', async t => {
  const source = `
    throw new ServiceUnavailable(\`queue '\${queue}' has no worker\`)
    const fault = { message: missing ? 'it is missing' : 'it is wrong', hint: 'Give it.' }
    const other = { message: 'not a fault' }
    function bodyMismatch () { return 'the body is not JSON' }
    function body () { return 'no text for users' }
    log.warn({}, \`health: \${name} is muted\`)
    throw new FST_HEALTH_USAGE(\`\${message}\`)
    throw new FST_HEALTH_USAGE('Name the subset.')
  `
  t.strictSame(textsOf('cli/x.ts', source).map(({ kind, text }) => [kind, text]), [
    ['status', "queue '…' has no worker"],
    ['fault', 'it is missing'],
    ['fault', 'it is wrong'],
    ['status', 'the body is not JSON'],
    ['log', 'health: … is muted'],
    ['command', 'Name the subset.'],
  ])
  t.match("unavailable: queue 'mail' has no worker", patternOf("queue '…' has no worker"))
  t.notMatch('queue has no worker', patternOf("queue '…' has no worker"))
})

test('every text that the package can say is in a table that says what to do', async t => {
  const texts = textsOfSource()
  for (const kind of ['status', 'fault', 'log', 'command']) t.ok(texts.filter(text => text.kind === kind).length >= 9, kind)
  for (const said of texts) {
    const places = placesOf(said)
    const pattern = patternOf(said.text)
    t.ok(
      places.some(page => explained.get(page)?.some(code => pattern.test(code))),
      `the ${said.kind} "${said.text}" of lib/${said.file} is explained in docs/${places.length === pages.length ? 'troubleshooting.md or another page' : places[0]}`
    )
  }
})

import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import Fastify from 'fastify'
import type { FastifyInstance } from 'fastify'
import type { Browser, BrowserContextOptions, Page } from 'playwright-core'
import t from 'tap'
import type { Test } from 'tap'
import { RedisCheck } from '../lib/checks/redis.js'
import fastifyHealth, { defineCheck, ServiceUnavailable, ServiceWarning } from '../lib/index.js'
import type { Entry, HealthOptions } from '../lib/index.js'
import { launchChromium } from './helpers/chromium.js'
import { eventually, until } from './helpers/leaks.js'
import { startRedis } from './helpers/redis.js'
import { startRelay } from './helpers/relay.js'

/** Enough for two refreshes on a machine that is busy with other tests. */
const patience = { timeout: 20_000 }

let browser: Browser

t.before(async () => {
  browser = await launchChromium({ after: close => t.teardown(close) })
})

// Each of them mostly waits for the page to refresh itself.
t.jobs = 8
t.setTimeout(300_000)

function test (name: string, run: (t: Test) => Promise<void>): void {
  t.test(name, { buffered: true }, run)
}

/** A dependency that does as it is told. */
class Dependency {
  readonly identifier: string
  error: Error | undefined

  constructor (identifier: string) {
    this.identifier = identifier
  }

  entry (more: { critical?: boolean } = {}): Entry {
    return defineCheck({ identifier: this.identifier, ...more, check: async () => { if (this.error !== undefined) throw this.error } })
  }
}

interface Served {
  readonly app: FastifyInstance
  readonly port: number
  readonly url: string
}

async function serve (t: Test, entries: Entry[], { prepare, ...options }: HealthOptions & { prepare?: (app: FastifyInstance) => void } = {}): Promise<Served> {
  const app = Fastify()
  await app.register(fastifyHealth, { logLevel: 'silent', ...options, subsets: { readiness: entries } })
  prepare?.(app)
  const address = await app.listen({ port: 0, host: '127.0.0.1' })
  t.after(() => app.close())
  return { app, port: Number(new URL(address).port), url: `${address}/healthcheck/readiness` }
}

interface Opened {
  readonly page: Page
  readonly requests: string[]
  /** Documents, the first one included. */
  readonly documents: string[]
  /** What the browser complained of, but for statuses of 400 and above, which it always mentions. */
  readonly complaints: string[]
}

async function open (t: Test, url: string, options: BrowserContextOptions = {}): Promise<Opened> {
  const context = await browser.newContext(options)
  t.after(() => context.close())
  const page = await context.newPage()
  const requests: string[] = []
  const documents: string[] = []
  const complaints: string[] = []
  page.on('request', request => {
    requests.push(request.url())
    if (request.isNavigationRequest()) documents.push(request.url())
  })
  page.on('console', message => {
    if (!message.text().startsWith('Failed to load resource')) complaints.push(message.text())
  })
  page.on('pageerror', error => complaints.push(error.message))
  await page.goto(url)
  return { page, requests, documents, complaints }
}

const verdict = (page: Page) => page.getByRole('status').innerText()
const row = (page: Page, identifier: string) => page.getByRole('row').filter({ has: page.getByRole('rowheader', { name: identifier }) })
const badge = (page: Page, identifier: string) => row(page, identifier).getByRole('cell').first().locator('b')

/** A style as it is computed; the page's own types are not known here. */
async function computed (page: Page, selector: string, property: string): Promise<string> {
  return await page.evaluate(`getComputedStyle(document.querySelector(${JSON.stringify(selector)}))[${JSON.stringify(property)}]`)
}

test('a check turns red on the screen when its server stops, and green when it is back, without a new document', async t => {
  const redis = await startRedis(t)
  const { url } = await serve(t, [[RedisCheck, { url: redis.url }], new Dependency('Search').entry()])
  const { page, documents, requests, complaints } = await open(t, url)
  t.equal(await verdict(page), 'Healthy')
  t.equal(await badge(page, 'RedisCheck').innerText(), 'working')
  const green = await computed(page, 'tr:first-child b', 'color')
  await page.evaluate('window.unharmed = [...document.querySelectorAll("tr, td, svg, p, main, h1")]')
  await page.evaluate('window.added = 0; new MutationObserver(found => { for (const { addedNodes } of found) window.added += addedNodes.length }).observe(document.querySelector("tbody tr:last-child"), { childList: true, subtree: true })')

  await redis.stop()
  await badge(page, 'RedisCheck').getByText('failing').waitFor(patience)
  t.equal(await verdict(page), 'Unhealthy')
  t.equal(await computed(page, '.bad b', 'backgroundColor'), 'rgb(196, 38, 46)')
  t.equal(await computed(page, 'header', 'backgroundColor'), 'rgb(196, 38, 46)')
  t.match(await row(page, 'RedisCheck').innerText(), 'unavailable: ')
  t.equal(await badge(page, 'Search').innerText(), 'working')

  await redis.start()
  await badge(page, 'RedisCheck').getByText('working').waitFor(patience)
  t.equal(await verdict(page), 'Healthy')
  t.equal(await computed(page, 'tr:first-child b', 'color'), green)
  t.match(await row(page, 'RedisCheck').getByRole('img').textContent(), /^[1-9]\d* of the last \d+ runs passed$/)

  t.ok(await page.evaluate('window.unharmed.every(element => element.isConnected)'), 'every element is still the one it was')
  t.equal(await page.evaluate('window.added'), 0, 'nothing was put anew into the row of a check that went on working')
  t.strictSame(documents, [url])
  t.strictSame([...new Set(requests)], [url], 'it asked for nothing but itself')
  t.strictSame(complaints, [])
})

test('it says that it lost the server, and since when, and that it is back', async t => {
  const { port, url } = await serve(t, [new Dependency('Search').entry()])
  const relay = await startRelay(t, port)
  const { page, documents, complaints } = await open(t, url.replace(`:${port}`, `:${relay.port}`))
  const icon = await page.locator('link').getAttribute('href')

  await relay.refuse()
  await page.getByRole('status').getByText('lost the server').waitFor(patience)
  t.match(await page.locator('header').innerText(), /No answer since \d/)
  t.match(await page.locator('footer').innerText(), 'What is shown is from before.')
  t.equal(await computed(page, 'table', 'filter'), 'grayscale(1)')
  t.not(await page.locator('link').getAttribute('href'), icon)
  t.equal(await badge(page, 'Search').innerText(), 'working', 'what was known stays to be read')

  await relay.pass()
  await page.getByRole('status').getByText('healthy').waitFor(patience)
  t.match(await page.locator('footer').innerText(), /The server is back since .* It was lost at /)
  t.match(await page.locator('header').innerText(), '1 working')
  t.equal(await computed(page, 'table', 'filter'), 'none')
  t.equal(await page.locator('link').getAttribute('href'), icon)
  t.equal(documents.length, 1)
  t.strictSame(complaints, [])
})

test('a server that accepts and says nothing is lost, too', async t => {
  const { port, url } = await serve(t, [new Dependency('Search').entry()])
  const relay = await startRelay(t, port)
  const { page } = await open(t, url.replace(`:${port}`, `:${relay.port}`))
  await relay.silence()
  await page.getByRole('status').getByText('lost the server').waitFor({ timeout: 30_000 })
  await relay.pass()
  await page.getByRole('status').getByText('healthy').waitFor(patience)
})

test('an answer that is no report is not taken for one, whatever its status', async t => {
  let instead: { status: number, body: string } | undefined
  const { url } = await serve(t, [new Dependency('Search').entry()], {
    prepare: app => app.addHook('onRequest', async (_request, reply) => {
      if (instead !== undefined) return await reply.code(instead.status).type('text/html').send(instead.body)
    }),
  })
  const { page, documents } = await open(t, url)
  instead = { status: 502, body: '<h1>Bad Gateway</h1>' }
  await page.getByRole('status').getByText('lost the server').waitFor(patience)
  t.match(await page.locator('header').innerText(), 'Answered 502 without a report since')
  instead = { status: 200, body: '<main>Please log in</main>' }
  await page.locator('header').getByText('answered 200 without a report').waitFor(patience)
  t.notMatch(await page.content(), 'Please log in')
  instead = undefined
  await page.getByRole('status').getByText('healthy').waitFor(patience)
  t.equal(documents.length, 1)
})

test('a page of another version is loaded anew, once', async t => {
  let upgraded = false
  const { url } = await serve(t, [new Dependency('Search').entry()], {
    prepare: app => app.addHook('onSend', async (_request, _reply, payload) => {
      return upgraded ? String(payload).replace(/data-version="\w+"/, 'data-version="2"') : payload
    }),
  })
  const { page, documents, requests } = await open(t, url)
  upgraded = true
  await page.locator('main[data-version="2"]').waitFor({ ...patience, state: 'attached' })
  await until(() => requests.length >= 4, patience)
  t.equal(documents.length, 2)
})

test('checks that come and go while it is open are shown', async t => {
  const { app, url } = await serve(t, [new Dependency('M').entry()])
  const { page } = await open(t, url)
  const identifiers = () => page.getByRole('rowheader').allInnerTexts()
  app.health.add('readiness', new Dependency('A').entry(), new Dependency('Z').entry())
  await eventually(async () => { if (String(await identifiers()) !== 'A,M,Z') throw new Error(String(await identifiers())) }, patience)
  app.health.settings.subsets['readiness'] = [new Dependency('Z').entry()]
  await eventually(async () => { if (String(await identifiers()) !== 'Z') throw new Error(String(await identifiers())) }, patience)
  app.health.settings.subsets['readiness'] = []
  await page.getByText('no checks').waitFor(patience)
  t.equal(await page.getByRole('table').count(), 0)
  app.health.settings.subsets['readiness'] = [new Dependency('Y').entry()]
  await page.getByRole('rowheader', { name: 'Y' }).waitFor(patience)
})

test('draining shows, and what the checks were before', async t => {
  const { app, url } = await serve(t, [new Dependency('Search').entry()])
  const { page } = await open(t, url)
  app.health.drain()
  await page.getByRole('status').getByText('draining').waitFor(patience)
  t.equal(await badge(page, 'Search').innerText(), 'draining')
  t.match(await row(page, 'Search').getByRole('img').textContent(), /^(\d+) of the last \1 runs passed$/)
})

test('it asks for nothing while nobody can see it, and at once when somebody can', async t => {
  const { url } = await serve(t, [new Dependency('Search').entry()])
  const { page, requests } = await open(t, url)
  // A browser without a window shows every tab, so that this one has to be told.
  const show = (hidden: boolean) => page.evaluate(`Object.defineProperty(document, "hidden", { configurable: true, value: ${hidden} }); document.dispatchEvent(new Event("visibilitychange"))`)
  await show(true)
  await page.waitForTimeout(6000)
  t.equal(requests.length, 1)
  await show(false)
  await until(() => requests.length === 2, { timeout: 2000 })
})

test('it can be paused and resumed from the keyboard', async t => {
  const { url } = await serve(t, [new Dependency('Search').entry()])
  const { page, requests } = await open(t, url)
  await page.keyboard.press('Tab')
  t.equal(await page.locator(':focus').innerText(), 'Pause')
  t.not(await computed(page, 'button', 'outlineStyle'), 'none')
  await page.keyboard.press('Enter')
  t.match(await page.locator('footer').innerText(), 'Paused.')
  await page.waitForTimeout(6000)
  t.equal(requests.length, 1)
  t.equal(await page.locator(':focus').innerText(), 'Resume')
  await page.keyboard.press('Space')
  await until(() => requests.length === 2, { timeout: 2000 })
})

test('a subset of fifty checks is searched and sorted by what fails, by keyboard, and stays so in a refresh', async t => {
  const checks = Array.from({ length: 50 }, (_, index) => new Dependency(`Shop ${String(index).padStart(2, '0')}`))
  const { url } = await serve(t, checks.map((check, index) => check.entry({ critical: index !== 20 })))
  for (const index of [30, 20]) (checks[index] as Dependency).error = new ServiceUnavailable('no such index')
  const { page, requests, documents, complaints } = await open(t, url)
  const names = async () => await page.getByRole('rowheader').filter({ visible: true }).allInnerTexts()
  const all = await names()
  t.equal(all.length, 50)
  const refreshed = async () => {
    const before = requests.length
    const asOf = await page.locator('header time').getAttribute('datetime')
    await until(async () => requests.length > before && await page.locator('header time').getAttribute('datetime') !== asOf, patience)
  }

  await page.keyboard.press('Tab')
  t.equal(await page.locator(':focus').getAttribute('type'), 'search')
  await page.keyboard.press('Tab')
  t.equal(await page.locator(':focus').innerText(), 'Failing first')
  await page.keyboard.press('Enter')
  t.match(await names(), ['Shop 30', /^Shop 20/, 'Shop 00', 'Shop 01'])
  t.equal(await page.getByRole('button', { pressed: true }).innerText(), 'Failing first')
  await refreshed()
  t.match((await names()).slice(0, 2), ['Shop 30', /^Shop 20/])

  await page.getByRole('searchbox', { name: 'Search' }).fill('INDEX')
  t.match(await names(), ['Shop 30', /^Shop 20/])
  t.match(await page.getByRole('search').innerText(), '2 of 50 checks')
  ;(checks[40] as Dependency).error = new ServiceUnavailable('no such index')
  await until(async () => (await names()).length === 3, patience)
  t.match(await names(), ['Shop 30', 'Shop 40', /^Shop 20/])
  t.equal(await page.getByRole('searchbox').inputValue(), 'INDEX')

  await page.getByRole('searchbox').fill('')
  await page.getByRole('button', { name: 'Failing first' }).click()
  await page.getByRole('table').click()
  t.strictSame(await names(), all)
  t.strictSame(documents, [url])
  t.strictSame(complaints, [])
})

test('a subset that grows while it is open can be searched then', async t => {
  const { app, url } = await serve(t, [new Dependency('Search').entry()])
  const { page } = await open(t, url)
  t.equal(await page.getByRole('search').count(), 0)
  app.health.add('readiness', ...Array.from({ length: 10 }, (_, index) => new Dependency(`Shop ${index}`).entry()))
  await page.getByRole('searchbox').waitFor(patience)
  await page.getByRole('searchbox').fill('shop 3')
  t.equal(await page.getByRole('rowheader').filter({ visible: true }).count(), 1)
})

test('a refresh keeps the query and the credentials it was opened with', async t => {
  const { url } = await serve(t, [new Dependency('Search').entry()], {
    prepare: app => app.addHook('onRequest', async (request, reply) => {
      if (request.headers.authorization !== `Basic ${btoa('ops:secret')}`) await reply.code(401).header('www-authenticate', 'Basic').send('')
    }),
  })
  const { page, requests, complaints } = await open(t, `${url.replace('//', '//ops:secret@')}?format=html`, { extraHTTPHeaders: { accept: 'application/json' } })
  const asOf = await page.locator('header time').getAttribute('datetime')
  await until(async () => await page.locator('header time').getAttribute('datetime') !== asOf, patience)
  t.equal(await verdict(page), 'Healthy')
  t.ok(requests.every(each => each.endsWith('/healthcheck/readiness?format=html')))
  t.strictSame(complaints, [])
})

test('hostile identifiers and messages stay text, on the first page and in a refresh', async t => {
  const hostile = '<img src=x onerror="window.hit=1"></script><script>window.hit=1</script>'
  const search = new Dependency(hostile)
  const { url } = await serve(t, [search.entry()])
  const { page, requests, complaints } = await open(t, url)
  t.equal(await page.getByRole('rowheader').innerText(), hostile)
  search.error = new ServiceUnavailable(`${hostile} & more`)
  await page.getByText(`unavailable: ${hostile} & more`).waitFor(patience)
  t.equal(await page.evaluate('window.hit'), undefined)
  t.equal(await page.locator('img, body script').count(), 0)
  t.strictSame([...new Set(requests)], [url])
  t.strictSame(complaints, [])
})

test('without JavaScript everything is there, in UTC', async t => {
  const search = new Dependency('Search')
  search.error = new ServiceUnavailable('no such index')
  const { url } = await serve(t, [search.entry(), new Dependency('Mail').entry()])
  const { page } = await open(t, url, { javaScriptEnabled: false })
  t.equal(await verdict(page), 'Unhealthy')
  t.match(await page.locator('header').innerText(), /1 failing · 1 working\s+As of \d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC, took \d/)
  t.match(await row(page, 'Search').innerText(), /failing\s+Search\s+unavailable: no such index\s+now\s+never\s+\d+\.\d ms/)
  t.match(await row(page, 'Mail').innerText(), /working\s+Mail\s+now\s+now\s+\d+\.\d ms/)
  t.equal(await page.getByRole('img').count(), 2)
  t.match(await page.locator('footer').innerText(), 'Reload the page for a newer answer.')
  t.equal(await page.getByRole('button').count(), 0)
})

test('without JavaScript, links lead from the top of a long page to what fails', async t => {
  const checks = Array.from({ length: 50 }, (_, index) => new Dependency(`Shop ${String(index).padStart(2, '0')}`))
  const { url } = await serve(t, checks.map(check => check.entry()))
  for (const index of [10, 45]) (checks[index] as Dependency).error = new ServiceUnavailable('no such index')
  const { page } = await open(t, url, { javaScriptEnabled: false })
  const links = page.getByRole('navigation', { name: 'Failing checks' }).getByRole('link')
  t.strictSame(await links.allInnerTexts(), ['Shop 10', 'Shop 45'])
  t.equal(await page.getByRole('search').count(), 0)
  await links.last().click()
  t.match(await page.locator('tr:target').innerText(), 'no such index')
  const [box, size] = [await page.locator('tr:target').boundingBox(), page.viewportSize()]
  t.ok(box !== null && size !== null && box.y >= 0 && box.y < size.height, 'it is on the screen')
  const { page: withScript } = await open(t, url)
  t.equal(await withScript.getByRole('navigation').count(), 0, 'the button does that where a script runs')
})

test('with JavaScript its moments are local ones', async t => {
  const { url } = await serve(t, [new Dependency('Search').entry()])
  const { page } = await open(t, url, { locale: 'de-DE', timezoneId: 'Pacific/Kiritimati' })
  const moment = row(page, 'Search').locator('time').first()
  const expected = new Date(String(await moment.getAttribute('datetime'))).toLocaleString('de-DE', { timeZone: 'Pacific/Kiritimati' })
  t.equal(await moment.getAttribute('title'), expected)
  t.match(await page.locator('header').innerText(), /As of \d+\.\d+\.\d{4}, \d\d:\d\d:\d\d, took/)
})

test('a screen reader hears a verdict, a table with headings, and each strip in words', async t => {
  const search = new Dependency('Search')
  search.error = new ServiceUnavailable('no such index')
  const { url } = await serve(t, [search.entry({ critical: false }), new Dependency('Mail').entry()])
  for (const viewport of [{ width: 1200, height: 800 }, { width: 360, height: 640 }]) {
    const { page } = await open(t, url, { viewport })
    const tree = await page.locator('body').ariaSnapshot()
    t.match(tree, 'heading "System status: readiness" [level=1]')
    t.match(tree, 'status: healthy')
    t.match(tree, 'table "Checks of readiness"')
    for (const heading of ['State', 'Check', 'Message', 'Last 60 runs', 'Since', 'Last success', 'Time taken']) t.match(tree, `columnheader "${heading}"`)
    t.match(tree, 'rowheader "Search non-critical"')
    t.match(tree, /img "0 of the last \d runs passed"/)
    t.equal(await page.locator('[role=status], [aria-live]').count(), 1, 'nothing but the verdict is announced')
  }
})

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')

/** What axe-core objects to, and where. */
async function objections (page: Page): Promise<string[]> {
  await page.evaluate(axe)
  const { violations } = await page.evaluate('axe.run()') as { violations: Array<{ id: string, nodes: Array<{ html: string }> }> }
  return violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(' ')}`)
}

test('axe-core finds nothing, in light and dark, on a wall and on a phone, whatever the verdict', async t => {
  const [search, flags, disk, muted] = [new Dependency('Search'), new Dependency('Feature flags'), new Dependency('Disk'), new Dependency('Muted')]
  const borne = defineCheck({ identifier: 'Borne', maxTimeInError: 1_000_000, check () { throw new ServiceUnavailable('refused') } })
  const seen = defineCheck({ identifier: 'Seen', check: ({ observe }) => observe('lag', 3, 'messages') })
  const more = Array.from({ length: 8 }, (_, index) => new Dependency(`More ${index}`).entry())
  const { app, port, url } = await serve(t, [search.entry(), flags.entry({ critical: false }), disk.entry(), muted.entry(), borne, seen, ...more], { warningsAsErrors: false })
  muted.error = new ServiceUnavailable('refused')
  await app.health.mute('readiness', 'Muted', { until: Date.now() + 3_600_000, because: 'it moves to another host', by: 'ops' })
  const relay = await startRelay(t, port)
  const looks: BrowserContextOptions[] = [
    { colorScheme: 'light' }, { colorScheme: 'dark' },
    { colorScheme: 'light', viewport: { width: 360, height: 640 } }, { colorScheme: 'dark', viewport: { width: 360, height: 640 } },
  ]
  const pages = await Promise.all(looks.map(async look => (await open(t, url.replace(`:${port}`, `:${relay.port}`), look)).page))
  const lookAt = async (word: string) => {
    for (const [index, page] of pages.entries()) {
      await page.getByRole('status').getByText(word, { exact: true }).waitFor(patience)
      t.strictSame(await objections(page), [], `${word}, ${JSON.stringify(looks[index])}`)
    }
  }
  await lookAt('healthy')
  search.error = new ServiceUnavailable('no such index')
  flags.error = new ServiceUnavailable('refused')
  disk.error = new ServiceWarning('93 % in use')
  await lookAt('unhealthy')
  await relay.refuse()
  await lookAt('lost the server')
  app.health.drain()
  await relay.pass()
  await lookAt('draining')
})

test('nothing sticks out of any screen, however long the texts are', async t => {
  const search = new Dependency('DatabaseHeartbeatCheck'.repeat(20))
  search.error = new ServiceUnavailable('no_such_index_'.repeat(60))
  const { url } = await serve(t, [search.entry(), new Dependency('Mail').entry()])
  for (const width of [320, 360, 1024, 1121, 1280, 3840]) {
    const { page } = await open(t, url, { viewport: { width, height: 700 } })
    t.equal(await page.evaluate('document.documentElement.scrollWidth'), width)
    const widest = await page.evaluate('Math.max(...[...document.querySelectorAll("header *, td, td *, th")].filter(element => !element.closest("thead")).map(element => element.getBoundingClientRect().right))')
    t.ok(Number(widest) <= width, `${String(widest)} of ${width}`)
  }
})

test('on paper the verdict and the states are dark on light', async t => {
  const search = new Dependency('Search')
  search.error = new ServiceUnavailable('no such index')
  const { url } = await serve(t, [search.entry()])
  const { page } = await open(t, url, { colorScheme: 'dark' })
  await page.emulateMedia({ media: 'print' })
  for (const selector of ['header', 'td b']) {
    t.equal(await computed(page, selector, 'backgroundColor'), 'rgba(0, 0, 0, 0)')
    t.not(await computed(page, selector, 'color'), 'rgb(255, 255, 255)')
  }
  t.equal(await computed(page, 'footer', 'display'), 'none')
  t.ok((await page.pdf()).length > 1000)
})

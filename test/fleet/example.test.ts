import t from 'tap'
import { launchChromium } from '../helpers/chromium.js'
import { saying, startExample } from '../helpers/example.js'
import { eventually } from '../helpers/leaks.js'
import { startRedis } from '../helpers/redis.js'

const patience = { timeout: 60_000 }
t.setTimeout(300_000)

t.test('one command starts three instances and a worker, which a browser sees, failing and well again', async t => {
  const scope = { after: (close: () => unknown) => { t.teardown(close) } }
  const redis = await startRedis(scope)
  const example = startExample(scope, 'fleet.js', { env: { PORT: '0', REDIS_URL: redis.url } })
  await saying('worker-1 works', example)
  const [, asking = ''] = await saying(/(web-\d) asks the payment provider for all/, example)
  const addresses = new Map<string, string>()
  for (const name of ['web-1', 'web-2', 'web-3']) addresses.set(name, (await saying(new RegExp(`${name} listens on (http://\\S+) `), example))[1] as string)
  const browser = await launchChromium(scope)
  const page = await browser.newPage({ viewport: { width: 1400, height: 900 } })
  const url = `${addresses.get('web-2')}/healthcheck/fleet`
  const shows = async (status: string, text: RegExp) => await eventually(async () => {
    await page.goto(url)
    const [verdict, main] = [await page.locator('[role=status]').textContent(), await page.locator('main').innerText()]
    if (verdict !== status || !text.test(main)) throw new Error(`${verdict}\n${main}`)
    return main
  }, patience)
  const well = await shows('healthy', /4 up/)
  for (const name of ['web-1', 'web-2', 'web-3', 'worker-1']) t.match(well, name)
  const provider = async (state: string) => { for (const address of addresses.values()) await fetch(`${address}/demo/provider/${state}`, { method: 'POST' }) }
  await provider('down')
  const failing = await shows('unhealthy', /integrations failing at 3 of 3/i)
  t.match(failing, /web-1\s+integrations: Payments unavailable since /)
  t.equal(await page.locator('tbody tr.bad').count(), 3)
  const errors: string[] = []
  page.on('console', message => { if (message.type() === 'error') errors.push(message.text()) })
  await page.reload()
  t.strictSame(errors, [], 'its policy lets it be what it is')
  await provider('up')
  await shows('healthy', /4 up/)
  t.match(asking, /^web-/)
  example.child.kill('SIGTERM')
  t.equal(await example.exit, 0)
})

t.test('it starts a Redis of its own, and says what to install where there is none', async t => {
  const scope = { after: (close: () => unknown) => { t.teardown(close) } }
  const own = startExample(scope, 'fleet.js', { env: { PORT: '0' } })
  await saying(/asks the payment provider for all/, own)
  own.child.kill('SIGTERM')
  t.equal(await own.exit, 0)
  const without = startExample(scope, 'fleet.js', { env: { PORT: '0', PATH: '/nowhere' } })
  await saying('There is no redis-server: install it', without)
  t.equal(await without.exit, 1)
})

import { createSocket } from 'node:dgram'
import { Resolver } from 'node:dns/promises'
import { once } from 'node:events'
import { test, type Test } from 'tap'
import DNSCheckByDefault, { DNSCheck, type DNSOptions } from '../../lib/checks/dns.js'
import { createHealth } from '../../lib/index.js'
import { violations } from '../../lib/values/rules.js'
import type { EntryOptions } from '../../types/check.js'
import { startDatagramRelay, startDnsmasq } from '../helpers/dnsmasq.js'
import { until } from '../helpers/leaks.js'
import { freePort } from '../helpers/server.js'

const zone = [
  '--address=/shop.test/192.0.2.7', '--address=/shop.test/2001:db8::7',
  '--mx-host=shop.test,mail.shop.test,10', '--mx-host=shop.test,spare.shop.test,20',
  '--srv-host=_sip._tcp.shop.test,sip.shop.test,5060,1,5',
  '--txt-record=shop.test,v=spf1 -all', '--cname=www.shop.test,shop.test', '--host-record=shop.test,192.0.2.7', '--ptr-record=7.2.0.192.in-addr.arpa,shop.test',
  // A zone whose own name server is away.
  '--server=/away.test/127.0.0.1#1',
]

function asking (t: Test, options: DNSOptions & EntryOptions) {
  const health = createHealth({ subsets: { net: [[DNSCheck, { timeout: 5000, ...options }]] } })
  t.teardown(async () => await health.close())
  return Object.assign(async () => (await health.run('net')).results[0], { health })
}

test('without a type a name is resolved as the host does, its hosts file included', async t => {
  const ask = asking(t, { name: 'localhost' })
  const { status, observed } = (await ask())!
  t.equal(status, 'working')
  t.match(observed, [{ name: 'records', value: Number }])
  t.equal((await asking(t, { name: 'localhost', expect: /^(127\.0\.0\.1|::1)$/ })())?.status, 'working')
  t.equal((await asking(t, { name: 'localhost', expect: '192.0.2.1' })())?.status.replace(/\d+ in/, 'n in'), 'unexpected result: 1 of 1 expected records missing, of n in the answer')
  t.match((await asking(t, { name: 'nowhere.invalid' })())?.status, /^unavailable: (?:the name does not exist|no name server answers)$/)
})

test('each type of record is asked of the name servers, and read as a zone file has it', async t => {
  const { port } = await startDnsmasq(t, ...zone)
  const servers = [`127.0.0.1:${port}`]
  for (const [type, name, expect] of [
    ['A', 'shop.test', '192.0.2.7'],
    ['AAAA', 'shop.test', '2001:db8::7'],
    ['CNAME', 'www.shop.test', 'shop.test'],
    ['MX', 'shop.test', ['10 mail.shop.test', '20 spare.shop.test', /^\d+ mail\./g]],
    ['PTR', '7.2.0.192.in-addr.arpa', 'shop.test'],
    ['SRV', '_sip._tcp.shop.test', '1 5 5060 sip.shop.test'],
    ['TXT', 'shop.test', 'v=spf1 -all'],
  ] as const) {
    const ask = asking(t, { name, type, expect, servers })
    for (let n = 0; n < 2; n++) t.equal((await ask())?.status, 'working', type)
  }
  const mail = asking(t, { name: 'shop.test', type: 'MX', servers, expect: ['10 mail.shop.test', '10 spare.shop.test', 'mail'] })
  t.match(await mail(), { status: 'unexpected result: 2 of 3 expected records missing, of 2 in the answer', observed: [{ name: 'records', value: 2 }] })
})

test('it says what the name server says', async t => {
  const { port } = await startDnsmasq(t, ...zone, '--local=/shop.test/', '--local=/empty.test/')
  const of = async (name: string, type: DNSOptions['type'] = 'A', at = port) => (await asking(t, { name, type: type as 'A', servers: [`127.0.0.1:${at}`] })())?.status
  t.equal(await of('nobody.empty.test'), 'unavailable: the name does not exist')
  t.equal(await of('shop.test', 'NS'), 'unexpected result: the name has no NS record')
  t.equal(await of('elsewhere.test'), 'unavailable: the name server refuses to answer')
  t.equal(await of('shop.test', 'A', await freePort()), 'unavailable: connection refused')
  t.equal(await of('shop.test', 'A', await startFailing(t)), 'unavailable: the name server failed')
})

/** A name server that answers SERVFAIL. */
async function startFailing (t: Test): Promise<number> {
  const server = createSocket('udp4')
  server.on('message', (question, { port, address }) => {
    question.writeUInt16BE(0x8182, 2)
    server.send(question, port, address)
  })
  server.bind(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => server.close())
  return server.address().port
}

test('where no name server answers the host, that is said', async t => {
  const { DNSCheck } = await t.mockImport<typeof import('../../lib/checks/dns.js')>('../../lib/checks/dns.js', {
    'node:dns/promises': { Resolver, lookup: async () => { throw Object.assign(new Error('getaddrinfo EAI_AGAIN shop.test'), { code: 'EAI_AGAIN' }) } },
  })
  const health = createHealth({ subsets: { net: [[DNSCheck, { name: 'shop.test' }]] } })
  t.teardown(async () => await health.close())
  t.equal((await health.run('net')).results[0]?.status, 'unavailable: no name server answers')
})

test('a name server that is silent is given up when the time is over, and nothing is left', async t => {
  const { port } = await startDnsmasq(t, ...zone)
  const relay = await startDatagramRelay(t, port)
  const ask = asking(t, { name: 'shop.test', type: 'A', servers: [`127.0.0.1:${relay.port}`], timeout: 300 })
  t.equal((await ask())?.status, 'working')
  relay.silence()
  t.equal((await ask())?.status, 'unavailable: timed out after 300 ms')
  await until(() => relay.clients() === 0)
  await relay.pass()
  t.equal((await ask())?.status, 'working')
})

test('servers without a type are a mistake, at boot and in a run', async t => {
  const ask = asking(t, { name: 'localhost', servers: ['127.0.0.1'] })
  t.match(await ask.health.systemChecks(), [{ id: 'E007', message: '`servers` are given, and no `type`', hint: /Give `type`, such as 'A'/ }])
  t.equal((await ask())?.status, 'unknown error: E007 `servers` are given, and no `type`')
})

test('it is the default of its module, and asks something shared', t => {
  t.equal(DNSCheckByDefault, DNSCheck)
  t.equal(DNSCheck.scope, 'shared')
  t.end()
})

test('options that do not fit are told', t => {
  const name = 'shop.test'
  for (const values of [
    { name }, { name, type: 'SRV', servers: ['192.0.2.1', '192.0.2.1:5353', '2001:db8::1', '[2001:db8::1]:53'] }, { name, expect: 'a' }, { name, expect: /a/ }, { name, expect: ['a', /b/] },
  ]) t.strictSame(violations(DNSCheck.rules, values), [], JSON.stringify(values))
  for (const values of [
    {}, { name: '' }, { name, type: 'a' }, { name, type: 'ANY' }, { name, expect: '' }, { name, expect: [] }, { name, expect: [1] },
    { name, servers: [] }, { name, servers: '192.0.2.1' }, { name, servers: ['ns.shop.test'] }, { name, servers: [1] },
  ]) t.equal(violations(DNSCheck.rules, values).length, 1, JSON.stringify(values))
  t.end()
})

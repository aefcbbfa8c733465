import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'tap'
import { parseAllDocuments } from 'yaml'
import { prometheus } from '../../lib/manifests/prometheus.js'
import { promtool, promtoolOn } from '../helpers/prometheus.js'
import { everySubset, inputOf, taking } from '../helpers/manifests.js'

async function partsOf (...args: Parameters<typeof inputOf>): Promise<[config: string, rules: string]> {
  const [config, rules, ...rest] = prometheus(await inputOf(...args)).split(/^---\n/m)
  if (rules === undefined || rest.length > 0) throw new Error('Not two documents')
  return [config!, rules]
}

test('promtool takes the scrape jobs and the rules', async t => {
  for (const prefix of ['/healthcheck', '/it\'s-"up"/prüfung']) {
    const [config, rules] = await partsOf({ ...everySubset, prefix })
    t.match(await promtoolOn(config, 'check', 'config'), { status: 0, said: 'is valid prometheus config file syntax' })
    t.match(await promtoolOn(rules, 'check', 'rules'), { status: 0, said: '4 rules found' })
  }
  const [config, rules] = await partsOf(everySubset)
  t.not((await promtoolOn(config.replace('metrics_path', 'path'), 'check', 'config')).status, 0)
  t.not((await promtoolOn(rules.replaceAll('for:', 'fur:'), 'check', 'rules')).status, 0)
})

test('every subset that is served is a job of its own, with a timeout that fits', async t => {
  const job = (subset: string, timeout: string) => ({
    job_name: `shop-${subset}`,
    metrics_path: `/healthcheck/${subset}`,
    params: { format: ['openmetrics'] },
    scrape_interval: '30s',
    scrape_timeout: timeout,
    static_configs: [{ targets: ['127.0.0.1:8080'], labels: { service: 'shop' } }],
  })
  const [config] = parseAllDocuments(prometheus(await inputOf(everySubset, { port: 8080 })))
  t.strictSame(config!.toJS(), { scrape_configs: [job('readiness', '5s'), job('integrations', '8s')] })
})

test('a scrape is never due again before the one before it has timed out', async t => {
  const [config] = await partsOf({ subsets: { integrations: [taking(60_000)] } })
  t.match(config, 'scrape_interval: 61s\n    scrape_timeout: 61s\n')
})

test('where there is nothing to scrape it is refused', async t => {
  const [empty, worker] = await Promise.all([inputOf({}), inputOf(everySubset, { kind: 'worker' })])
  t.throws(() => prometheus(empty), { code: 'FST_HEALTH_USAGE', message: /^Prometheus scrapes the subsets of a web app/ })
  t.throws(() => prometheus(worker), { code: 'FST_HEALTH_USAGE', message: /^Prometheus asks over HTTP, and a worker serves none: leave --kind worker out, or name with --port/ })
})

test('alerts fire for what lasts, and only for this service', async t => {
  const folder = mkdtempSync(join(tmpdir(), 'fastify-health-rules-'))
  t.teardown(() => { rmSync(folder, { recursive: true }) })
  const [, rules] = await partsOf(everySubset)
  writeFileSync(join(folder, 'rules.yml'), rules)
  const labels = 'instance="a", job="shop-readiness", service="shop"'
  const check = `${labels}, subset="readiness", check="Database"`
  const firing = (alert: string, severity: string, labels: object, summary: string) => [
    { exp_labels: { severity, instance: 'a', job: 'shop-readiness', service: 'shop', ...labels }, exp_annotations: { summary } },
  ]
  const subsetFiring = firing('HealthSubsetFailing', 'critical', { subset: 'readiness' }, 'readiness of a is unhealthy.')
  const checkFiring = firing('HealthCheckFailing', 'warning', { subset: 'readiness', check: 'Database' }, 'Database (readiness) of a is failing.')
  writeFileSync(join(folder, 'test.yml'), JSON.stringify({
    rule_files: ['rules.yml'],
    evaluation_interval: '30s',
    tests: [{
      interval: '30s',
      input_series: [
        { series: `fastify_health_subset_status{${labels}, subset="readiness"}`, values: '1x9 0x19 1x20' },
        { series: 'fastify_health_subset_status{instance="b", service="other", subset="readiness"}', values: '0x50' },
        { series: `fastify_health_check_status{${check}}`, values: '1x9 0x19 1x20' },
        { series: `up{${labels}}`, values: '1x40 0x20' },
        { series: `fastify_health_check_transitions_total{${check}}`, values: '0x60 1+1x30' },
      ],
      alert_rule_test: [
        { alertname: 'HealthSubsetFailing', eval_time: '6m', exp_alerts: [] },
        { alertname: 'HealthSubsetFailing', eval_time: '8m', exp_alerts: subsetFiring },
        { alertname: 'HealthSubsetFailing', eval_time: '16m', exp_alerts: [] },
        { alertname: 'HealthCheckFailing', eval_time: '8m', exp_alerts: [] },
        { alertname: 'HealthCheckFailing', eval_time: '11m', exp_alerts: checkFiring },
        { alertname: 'HealthUnreachable', eval_time: '19m', exp_alerts: [] },
        { alertname: 'HealthUnreachable', eval_time: '24m', exp_alerts: firing('HealthUnreachable', 'critical', {}, 'shop-readiness of a does not answer.') },
        { alertname: 'HealthCheckFlapping', eval_time: '29m', exp_alerts: [] },
        {
          alertname: 'HealthCheckFlapping',
          eval_time: '40m',
          exp_alerts: firing('HealthCheckFlapping', 'warning', { subset: 'readiness', check: 'Database' }, 'Database (readiness) of a keeps changing between healthy and failing.'),
        },
      ],
    }],
  }))
  t.match(await promtool(['test', 'rules', join(folder, 'test.yml')]), { status: 0, said: 'SUCCESS' })
})

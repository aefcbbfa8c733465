import t from 'tap'
import { startCeleryWorker } from '../helpers/celery.js'
import { canary, faultMatrix, throughRelay } from '../helpers/fault-matrix.js'
import { startRabbitMQ } from '../helpers/rabbitmq.js'
import { startRelay } from '../helpers/relay.js'

t.test('RabbitMQ', async t => {
  const vhost = `${canary}-vhost`
  const server = await startRabbitMQ(t, { vhosts: [vhost] })
  const relay = await startRelay(t, server.port)
  const user = `${canary}-user`
  const password = `${canary}-password`
  await server.ctl('add_user', user, password)
  await server.ctl('set_permissions', '-p', vhost, user, '.*', '.*', '.*')
  const url = `amqp://${user}:${password}@127.0.0.1:${relay.port}/${vhost}?heartbeat=60&${canary}=${canary}-query`

  /** How many connections and queues there are, in one command, since each of them takes a second. */
  const census = async () => await server.ctl('eval', '{length(rabbit_networking:connections()), rabbit_amqqueue:count()}.')
  const credentials = {
    async inject () {
      await server.ctl('change_password', user, 'other')
      await relay.refuse()
      await relay.pass()
    },
    recover: async () => await server.ctl('change_password', user, password),
  }
  await faultMatrix(t, {
    name: 'RabbitMQ',
    entry: ['fastify-health/checks/rabbitmq', { url }],
    relay,
    census,
    isCensusSlow: true,
    injections: { ...throughRelay(relay, server), credentials },
  })

  const worker = await startCeleryWorker(t, { broker: server.urlOf(vhost), queues: ['mail'] })
  await faultMatrix(t, {
    name: 'Celery',
    entry: ['fastify-health/checks/celery', { url, queues: ['mail'] }],
    relay,
    census,
    isCensusSlow: true,
    // The broker's own end is RabbitMQ's row: here it is the worker that hangs or restarts.
    injections: { ...throughRelay(relay, worker), credentials },
  })
})

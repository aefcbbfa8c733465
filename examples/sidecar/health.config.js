const { BEAT = '/beats/celery', BROKER } = process.env

export default {
  subsets: {
    worker: [
      ['fastify-health/checks/heartbeat', { file: BEAT, maxAge: 600_000 }],
    ],
    integrations: [
      ['fastify-health/checks/celery', { url: BROKER, queues: ['mail'] }],
    ],
  },
}

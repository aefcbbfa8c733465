type Module = Readonly<Record<string, unknown>>

/** The modules that `fastify-health/checks/…` names, each written out so that bundlers find it, and loaded only when it is asked for. */
export const builtInChecks: Readonly<Record<string, () => Promise<Module>>> = {
  'fastify-health/checks/bullmq': async () => await import('./bullmq.js'),
  'fastify-health/checks/cache': async () => await import('./cache.js'),
  'fastify-health/checks/celery': async () => await import('./celery.js'),
  'fastify-health/checks/django-q': async () => await import('./django-q.js'),
  'fastify-health/checks/heartbeat': async () => await import('./heartbeat.js'),
  'fastify-health/checks/http': async () => await import('./http.js'),
  'fastify-health/checks/migrations': async () => await import('./migrations.js'),
  'fastify-health/checks/postgres': async () => await import('./postgres.js'),
  'fastify-health/checks/rabbitmq': async () => await import('./rabbitmq.js'),
  'fastify-health/checks/redis': async () => await import('./redis.js'),
  'fastify-health/checks/storage': async () => await import('./storage.js'),
  'fastify-health/checks/system': async () => await import('./system.js'),
}

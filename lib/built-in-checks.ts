type Module = Readonly<Record<string, unknown>>

/** The modules that `fastify-health/checks/…` names, each written out so that bundlers find it, and loaded only when it is asked for. */
export const builtInChecks: Readonly<Record<string, () => Promise<Module>>> = {
  'fastify-health/checks/bullmq': async () => await import('./checks/bullmq.js'),
  'fastify-health/checks/cache': async () => await import('./checks/cache.js'),
  'fastify-health/checks/celery': async () => await import('./checks/celery.js'),
  'fastify-health/checks/django-q': async () => await import('./checks/django-q.js'),
  'fastify-health/checks/heartbeat': async () => await import('./checks/heartbeat.js'),
  'fastify-health/checks/http': async () => await import('./checks/http.js'),
  'fastify-health/checks/migrations': async () => await import('./checks/migrations.js'),
  'fastify-health/checks/postgres': async () => await import('./checks/postgres.js'),
  'fastify-health/checks/rabbitmq': async () => await import('./checks/rabbitmq.js'),
  'fastify-health/checks/redis': async () => await import('./checks/redis.js'),
  'fastify-health/checks/storage': async () => await import('./checks/storage.js'),
  'fastify-health/checks/system': async () => await import('./checks/system.js'),
}

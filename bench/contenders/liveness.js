// Everything that answers "is it alive?", each as its own documentation has it.
import { createServer } from 'node:http'
import { probe } from '../in-process.js'

const body = JSON.stringify({ status: 'ok' })

/** With a logger, requests are logged as Fastify does by default; nobody reads them. */
const fastify = async ({ logger = false } = {}) => (await import('fastify')).default({ logger: logger && { file: '/dev/null' } })

/** Of a Fastify app: by its router, and by its port. */
async function app (app, path) {
  await app.ready()
  return answering(app.routing, path, async () => await app.listen({ port: 0, host: '127.0.0.1' }))
}

function answering (listener, path, listen) {
  return {
    probe: async amount => await probe(listener, path, amount),
    address: async () => ({ url: `${await listen()}${path}` }),
  }
}

async function listenOnce (server) {
  if (!server.listening) await new Promise(resolve => { server.listen(0, '127.0.0.1', resolve) })
  return `http://127.0.0.1:${server.address().port}`
}

export async function ours (options) {
  const instance = await fastify(options)
  await instance.register(import('../../dist/lib/index.js'), { subsets: { readiness: ['fastify-health/checks/system'] } })
  return await once(await app(instance, '/healthcheck/liveness'))
}

export async function bareRoute (options) {
  const instance = await fastify(options)
  const schema = { response: { 200: { type: 'object', properties: { status: { type: 'string' } } } } }
  instance.get('/liveness', { schema }, (_request, reply) => { reply.send({ status: 'ok' }) })
  return await once(await app(instance, '/liveness'))
}

/** The same, sending the headers that an answer to a probe needs so that nobody keeps or guesses it. */
export async function bareRouteWithHeaders () {
  const instance = await fastify()
  const schema = { response: { 200: { type: 'object', properties: { status: { type: 'string' } } } } }
  const headers = { 'cache-control': 'no-store', 'x-content-type-options': 'nosniff', vary: 'accept' }
  instance.get('/liveness', { schema }, (_request, reply) => { reply.headers(headers).send({ status: 'ok' }) })
  return await once(await app(instance, '/liveness'))
}

export async function underPressure (options) {
  const instance = await fastify(options)
  await instance.register(import('@fastify/under-pressure'), { exposeStatusRoute: '/status' })
  return await once(await app(instance, '/status'))
}

export async function fastifyHealthcheck (options) {
  const instance = await fastify(options)
  await instance.register(import('fastify-healthcheck'))
  return await once(await app(instance, '/health'))
}

export async function nodeHttp () {
  const listener = (request, response) => {
    if (request.url !== '/liveness') return response.writeHead(404).end()
    response.writeHead(200, { 'content-type': 'application/json; charset=utf-8', 'content-length': body.length })
    response.end(body)
  }
  const server = createServer(listener)
  return answering(listener, '/liveness', async () => await listenOnce(server))
}

export async function terminus () {
  const { default: { createTerminus } } = await import('@godaddy/terminus')
  const server = createServer((_request, response) => response.writeHead(404).end())
  createTerminus(server, { healthChecks: { '/health': async () => {} } })
  return answering(server.listeners('request')[0], '/health', async () => await listenOnce(server))
}

export async function lightship () {
  const { createLightship } = await import('lightship')
  const { server, signalReady } = await createLightship({ detectKubernetes: false })
  signalReady()
  if (!server.listening) await new Promise(resolve => { server.on('listening', resolve) })
  return { address: () => ({ url: `http://localhost:${server.address().port}/live` }) }
}

export async function nestTerminus () {
  await import('reflect-metadata')
  const { Controller, Get, Inject, Module } = await import('@nestjs/common')
  const { NestFactory } = await import('@nestjs/core')
  const { FastifyAdapter } = await import('@nestjs/platform-fastify')
  const { HealthCheck, HealthCheckService, TerminusModule } = await import('@nestjs/terminus')
  class Health {
    constructor (service) { this.service = service }
    liveness () { return this.service.check([]) }
  }
  Inject(HealthCheckService)(Health, undefined, 0)
  const method = Object.getOwnPropertyDescriptor(Health.prototype, 'liveness')
  Get('liveness')(Health.prototype, 'liveness', method)
  HealthCheck()(Health.prototype, 'liveness', method)
  Controller()(Health)
  class Root {}
  Module({ imports: [TerminusModule.forRoot({ logger: false })], controllers: [Health] })(Root)
  const nest = await NestFactory.create(Root, new FastifyAdapter(), { logger: false })
  await nest.init()
  return await once(await app(nest.getHttpAdapter().getInstance(), '/liveness'))
}

/** Listens at the first question for its address, and only then. */
function once ({ address, ...others }) {
  let known
  return { ...others, address: async () => await (known ??= address()) }
}

import { createSocket, type Socket } from 'node:dgram'
import { Resolver } from 'node:dns/promises'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { program } from './debian.js'
import { freePort, launch } from './server.js'
import type { Scope, Server } from './server.js'

/** A name server of its own, which knows what the arguments tell it, and refuses to answer for anything else. */
export async function startDnsmasq (t: Scope, ...args: string[]): Promise<Server> {
  const port = await freePort()
  const resolver = new Resolver({ timeout: 500, tries: 1 })
  resolver.setServers([`127.0.0.1:${port}`])
  const running = await launch(t, 'dnsmasq', ({ folder }) => ({
    command: program('dnsmasq'),
    args: [
      '--keep-in-foreground', '--conf-file=/dev/null', '--no-resolv', '--no-hosts', `--port=${port}`, '--listen-address=127.0.0.1', '--bind-interfaces',
      `--pid-file=${folder}/pid`, '--user=', '--group=', '--address=/alive.test/192.0.2.1', ...args,
    ],
    answers: async () => await resolver.resolve4('alive.test'),
  }), { port })
  return Object.assign(running, { port, url: `dns://127.0.0.1:${port}` })
}

/** A stretch of network for datagrams on the loopback. */
export interface DatagramRelay {
  /** The same in every mode. */
  readonly port: number
  /** Takes every question, and loses it. */
  silence (): void
  /** Takes no question. */
  refuse (): Promise<void>
  /** Lets everything through, the answers so many milliseconds late. */
  pass (delay?: number): Promise<void>
  /** How many sockets are connected to it now. */
  clients (): number
}

export async function startDatagramRelay (t: Scope, targetPort: number): Promise<DatagramRelay> {
  const port = await freePort()
  let [isSilent, delay] = [false, 0]
  let front: Socket | undefined
  const backs = new Map<number, Socket>()
  const answer = (bytes: Buffer, to: number) => { if (!isSilent) front?.send(bytes, to, '127.0.0.1') }
  const backOf = (client: number): Socket => {
    const back = createSocket('udp4').on('error', () => {}).on('message', bytes => setTimeout(answer, delay, bytes, client))
    backs.set(client, back)
    return back
  }
  const relay: DatagramRelay = {
    port,
    silence () { isSilent = true },
    async refuse () {
      const socket = front
      front = undefined
      if (socket !== undefined) await new Promise<void>(resolve => socket.close(resolve))
    },
    async pass (late = 0) {
      [isSilent, delay] = [false, late]
      if (front !== undefined) return
      front = createSocket('udp4').on('error', () => {})
      front.on('message', (question, client) => {
        if (!isSilent) (backs.get(client.port) ?? backOf(client.port)).send(question, targetPort, '127.0.0.1')
      })
      await once(front.bind(port, '127.0.0.1'), 'listening')
    },
    clients: () => readFileSync('/proc/net/udp', 'latin1').split('\n').filter(line => Number.parseInt(line.trim().split(/[\s:]+/)[4] ?? '', 16) === port).length,
  }
  t.after(async () => {
    await relay.refuse()
    for (const back of backs.values()) back.close()
  })
  await relay.pass()
  return relay
}

import { once } from 'node:events'
import { connect, createServer } from 'node:net'
import type { Server, Socket } from 'node:net'
import { freePort } from './server.js'
import type { Scope } from './server.js'

type Mode =
  | { name: 'pass' | 'silence' | 'refuse' }
  | { name: 'cut' | 'stall', after: number }
  | { name: 'delay', milliseconds: number }

/** A stretch of network between a client and a server on the loopback, which can break in the ways that a network breaks. */
export interface Relay {
  /** The same in every mode. */
  readonly port: number
  readonly mode: Mode['name']
  /** The clients that are connected now. */
  readonly connections: number
  /** The clients that have ever been let in. */
  readonly accepted: number
  /** Lets everything through. A connection that lost bytes to a silence is reset, as by a server that came back without it. */
  pass (): Promise<void>
  /** Lets clients in and keeps those it has, but loses every byte in both directions. */
  silence (): Promise<void>
  /**
   * Resets each connection, new or not, once so many bytes of an answer got through, counted from now on; one byte unless told.
   * A very busy client may still see an ordinary end of the connection instead of ECONNRESET.
   */
  cut (bytes?: number): Promise<void>
  /** Loses every byte of a connection, in both directions, once so many bytes of an answer got through, counted from now on. */
  stall (bytes: number): Promise<void>
  /** Whether a client's connection stays open after the server has ended its own. */
  keepsClients: boolean
  /** Resets every connection and refuses new ones. */
  refuse (): Promise<void>
  /** Lets everything through, the server's side so many milliseconds late. */
  delay (milliseconds: number): Promise<void>
  close (): Promise<void>
}

export async function startRelay (t: Scope, targetPort: number): Promise<Relay> {
  const relay = new LoopbackRelay(await freePort(), targetPort)
  t.after(() => relay.close())
  await relay.pass()
  return relay
}

class LoopbackRelay implements Relay {
  readonly port: number
  accepted = 0
  keepsClients = false
  readonly #targetPort: number
  readonly #links = new Set<Link>()
  #mode: Mode = { name: 'pass' }
  #server: Server | undefined

  constructor (port: number, targetPort: number) {
    this.port = port
    this.#targetPort = targetPort
  }

  get mode (): Mode['name'] {
    return this.#mode.name
  }

  get connections (): number {
    return this.#links.size
  }

  pass (): Promise<void> {
    return this.#become({ name: 'pass' })
  }

  silence (): Promise<void> {
    return this.#become({ name: 'silence' })
  }

  cut (bytes = 1): Promise<void> {
    return this.#become({ name: 'cut', after: bytes })
  }

  stall (bytes: number): Promise<void> {
    return this.#become({ name: 'stall', after: bytes })
  }

  delay (milliseconds: number): Promise<void> {
    return this.#become({ name: 'delay', milliseconds })
  }

  async refuse (): Promise<void> {
    this.#mode = { name: 'refuse' }
    const server = this.#server
    this.#server = undefined
    const closed = server && once(server, 'close')
    server?.close()
    for (const link of [...this.#links]) link.reset()
    await closed
  }

  close (): Promise<void> {
    return this.refuse()
  }

  async #become (mode: Mode): Promise<void> {
    this.#mode = mode
    for (const link of [...this.#links]) link.become(mode)
    if (this.#server) return
    this.#server = createServer((client) => {
      this.accepted++
      const link: Link = new Link(client, this, this.#targetPort, this.#mode, () => this.#links.delete(link))
      this.#links.add(link)
    })
    await once(this.#server.listen(this.port, '127.0.0.1'), 'listening')
  }
}

class Link {
  readonly #client: Socket
  readonly #target: Socket | undefined
  readonly #onClose: () => void
  readonly #late: { due: number, tell: () => void }[] = []
  #timer: NodeJS.Timeout | undefined
  #cutting: NodeJS.Timeout | undefined
  #mode: Mode
  /** Whether one end has missed what the other one said, so that they cannot go on. */
  #torn = false
  #answered = 0

  constructor (client: Socket, relay: Pick<Relay, 'keepsClients'>, targetPort: number, mode: Mode, onClose: () => void) {
    this.#mode = mode
    this.#client = client
    this.#onClose = onClose
    client.setNoDelay(true)
    client.on('data', (bytes) => this.#ask(bytes))
    // Whatever broke it, 'close' follows.
    client.on('error', () => {})
    client.on('close', () => {
      clearTimeout(this.#timer)
      clearTimeout(this.#cutting)
      this.#target?.destroy()
      onClose()
    })
    if (mode.name === 'silence') {
      this.#torn = true
      return
    }
    const target = this.#target = connect({ port: targetPort, host: '127.0.0.1', noDelay: true })
    target.on('data', (bytes) => this.#later(() => this.#answer(bytes)))
    target.on('end', () => { if (!relay.keepsClients) this.#later(() => client.end()) })
    target.on('error', () => { if (!relay.keepsClients) this.#later(() => this.reset()) })
  }

  become (mode: Mode): void {
    this.#mode = mode
    this.#answered = 0
    if (this.#torn && mode.name !== 'silence') this.reset()
  }

  reset (): void {
    // libuv refuses to reset a socket that is being shut down, and Node.js then waits for it for ever when it exits.
    if (this.#client.writableEnded) this.#client.destroy()
    else this.#client.resetAndDestroy()
    // It waits for what is not sent yet, which a client that reads no more would make for ever.
    this.#cutting = setTimeout(() => this.#client.destroy(), 100)
    this.#onClose()
  }

  /** A client that meets a reset together with the last bytes takes it for an ordinary end. */
  #resetSoon (): void {
    this.#cutting = setTimeout(() => this.reset(), 20)
  }

  #ask (bytes: Buffer): void {
    if (this.#isSilent()) this.#torn = true
    else this.#target?.write(bytes)
  }

  #isSilent (): boolean {
    return this.#mode.name === 'silence' || (this.#mode.name === 'stall' && this.#answered >= this.#mode.after)
  }

  #answer (bytes: Buffer): void {
    const mode = this.#mode
    if (mode.name === 'stall') {
      const left = mode.after - this.#answered
      this.#answered += bytes.length
      if (left > 0) this.#client.write(bytes.subarray(0, left))
      if (left < bytes.length) this.#torn = true
      return
    }
    if (mode.name !== 'cut') {
      this.#client.write(bytes)
      return
    }
    const left = mode.after - this.#answered
    this.#answered += bytes.length
    if (left > bytes.length) this.#client.write(bytes)
    else if (left > 0) this.#client.write(bytes.subarray(0, left), () => this.#resetSoon())
    else if (mode.after === 0) this.reset()
  }

  /** In order, even when the delay got shorter meanwhile. */
  #later (tell: () => void): void {
    const delay = this.#mode.name === 'delay' ? this.#mode.milliseconds : 0
    const due = Math.max(Date.now() + delay, this.#late.at(-1)?.due ?? 0)
    this.#late.push({ due, tell })
    if (this.#late.length === 1) this.#tellWhatIsDue()
  }

  #tellWhatIsDue (): void {
    let next = this.#late[0]
    while (next && next.due <= Date.now()) {
      this.#late.shift()
      this.#tell(next.tell)
      next = this.#late[0]
    }
    if (next) this.#timer = setTimeout(() => this.#tellWhatIsDue(), next.due - Date.now())
  }

  #tell (tell: () => void): void {
    if (this.#isSilent()) this.#torn = true
    else tell()
  }
}

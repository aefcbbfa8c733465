import { once } from 'node:events'
import { connect } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'

/**
 * Sends `amount` requests over connections that are kept open, each with one request at a time, and sees that all are answered with
 * 200. A client of its own, since it has to take less CPU than what it measures.
 *
 * @returns seconds it took, and milliseconds until each answer
 */
export async function load (url, amount, connections = 10) {
  const clients = await Promise.all(Array.from({ length: connections }, async () => await Client.open(url)))
  const times = []
  let left = amount
  const begun = performance.now()
  try {
    await Promise.all(clients.map(async client => {
      while (left-- > 0) {
        const { status, time } = await client.ask()
        if (status !== 200) throw new Error(`${url} answered ${status}`)
        times.push(time)
      }
    }))
    return { seconds: (performance.now() - begun) / 1000, times }
  } finally {
    for (const client of clients) client.close()
  }
}

/**
 * Sends so many requests a second for so many seconds, whether or not the earlier ones are answered, so that a slow answer delays no later
 * request.
 *
 * @returns milliseconds from the moment when each request was due until its answer
 */
export async function loadAtRate (url, perSecond, seconds, connections = 100) {
  const idle = await Promise.all(Array.from({ length: connections }, async () => await Client.open(url)))
  const clients = [...idle]
  const waiting = []
  const times = []
  const ask = async (client, due) => {
    const { status } = await client.ask()
    if (status !== 200) throw new Error(`${url} answered ${status}`)
    times.push(performance.now() - due)
    const next = waiting.shift()
    if (next === undefined) idle.push(client)
    else await ask(client, next)
  }
  const asked = []
  const begun = performance.now()
  try {
    for (let sent = 0; sent < perSecond * seconds;) {
      const now = performance.now()
      // A timer fires a millisecond late at most, and that is not the server's.
      for (const due = Math.min(perSecond * seconds, Math.floor((now - begun) / 1000 * perSecond)); sent < due; sent++) {
        const client = idle.pop()
        if (client === undefined) waiting.push(now)
        else asked.push(ask(client, now))
      }
      await sleep(1)
    }
    await Promise.all(asked)
    return times
  } finally {
    for (const client of clients) client.close()
  }
}

/** CPU time of the server for each of `amount` requests, microseconds. */
export async function serverCost ({ call }, amount, connections) {
  const { url } = await call('address')
  const before = await call('cpu')
  await load(url, amount, connections)
  return (await call('cpu') - before) / amount
}

const contentLength = /^content-length: *(\d+)/im
const chunked = /^transfer-encoding: *chunked/im

/** One connection. */
export class Client {
  #socket
  #request
  #answered
  #begun
  #text = ''

  static async open (url) {
    const client = new Client()
    const { hostname, port, host, pathname, search } = new URL(url)
    client.#request = `GET ${pathname}${search} HTTP/1.1\r\nHost: ${host}\r\nUser-Agent: kube-probe/1.34\r\nAccept: */*\r\n\r\n`
    client.#socket = connect({ host: hostname, port, noDelay: true })
    client.#socket.setEncoding('latin1')
    client.#socket.on('data', text => client.#read(text))
    client.#socket.on('error', error => client.#answered?.reject(error))
    client.#socket.on('close', () => client.#answered?.reject(new Error(`${url} closed the connection`)))
    await once(client.#socket, 'connect')
    return client
  }

  /** The status of the answer, and milliseconds until all of it was there. */
  async ask () {
    return await new Promise((resolve, reject) => {
      this.#answered = { resolve, reject }
      this.#begun = performance.now()
      this.#socket.write(this.#request)
    })
  }

  close () {
    this.#answered = undefined
    this.#socket.destroy()
  }

  #read (text) {
    this.#text += text
    const end = this.#text.indexOf('\r\n\r\n')
    if (end === -1) return
    const head = this.#text.slice(0, end)
    const isComplete = chunked.test(head) ? this.#text.endsWith('\r\n0\r\n\r\n') : this.#text.length >= end + 4 + Number(contentLength.exec(head)[1])
    if (!isComplete) return
    this.#text = ''
    this.#answered.resolve({ status: Number(head.slice(9, 12)), time: performance.now() - this.#begun })
  }
}

import type { Socket } from 'node:net'
import { ServiceReturnedUnexpectedResult, ServiceUnavailable } from '../errors.js'

/** A line may have at most this many characters. The greeting of a NATS server in a large cluster has some thousands. */
const longestLine = 65_536

interface Waiting {
  readonly resolve: (line: string) => void
  readonly reject: (error: unknown) => void
}

/** A socket on which a server speaks in lines. */
export class Lines {
  readonly #socket: Socket
  readonly #lines: string[] = []
  #begun = ''
  #waiting: Waiting | undefined
  #failure: unknown

  /** @param answer returns the immediate answer to a line that no caller waits for, or `undefined` if a caller waits for the line */
  constructor (socket: Socket, answer: (line: string) => string | undefined = () => undefined) {
    this.#socket = socket
    const onData = (chunk: Buffer) => {
      const lines = (this.#begun + chunk.toString('latin1')).split('\r\n')
      this.#begun = lines.pop() as string
      if (this.#begun.length > longestLine) this.#fail(new ServiceReturnedUnexpectedResult('the answer is too long'))
      for (const line of lines) {
        const said = answer(line)
        if (said === undefined) this.#lines.push(line)
        else socket.write(said)
      }
      this.#deliver()
    }
    socket.on('data', onData)
    socket.on('error', error => this.#fail(error))
    socket.on('close', () => this.#fail(new ServiceUnavailable('connection lost')))
    this.release = () => socket.off('data', onData)
  }

  /** Stops reading, so that other code can read the socket. */
  readonly release: () => void

  get isLost (): boolean {
    return this.#failure !== undefined
  }

  /** Sends the text, if there is one, and resolves with the next line. */
  async ask (text = ''): Promise<string> {
    if (text !== '') this.#socket.write(text)
    return await new Promise((resolve, reject) => {
      this.#waiting = { resolve, reject }
      this.#deliver()
    })
  }

  #deliver (): void {
    if (this.#waiting === undefined) return
    const line = this.#lines.shift()
    if (line !== undefined) this.#waiting.resolve(line)
    else if (this.#failure !== undefined) this.#waiting.reject(this.#failure)
    else return
    this.#waiting = undefined
  }

  #fail (error: unknown): void {
    this.#failure ??= error
    this.#socket.destroy()
    this.#deliver()
  }
}

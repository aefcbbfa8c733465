import { once } from 'node:events'
import type { ClientRequest, IncomingMessage } from 'node:http'
import type { Readable } from 'node:stream'
import { setImmediate as turn } from 'node:timers/promises'
import { proxyFailure, refusedByProxy } from '../../clients/proxy.js'
import { ServiceReturnedUnexpectedResult } from '../../errors.js'
import type { HttpAnswer } from './message.js'

/** Sends a request and waits until its answer begins. */
export async function exchange (open: () => ClientRequest, body: string | undefined, signal: AbortSignal): Promise<HttpAnswer> {
  const sent = open()
  try {
    return await answerTo(sent, body)
  } catch (error) {
    // The server may close an idle connection at the moment of its next use. A probe may be repeated, so it is sent again.
    if (!sent.reusedSocket || signal.aborted) throw error
    return await answerTo(open(), body)
  }
}

async function answerTo (request: ClientRequest, body: string | undefined): Promise<HttpAnswer> {
  // An error after the answer has begun is reported here and to the reader of the answer.
  request.on('error', () => {})
  // An upgrade was not requested and is no answer. Without this listener, the request would never end.
  request.once('upgrade', (_response, socket) => {
    socket.destroy()
    request.emit('error', new ServiceReturnedUnexpectedResult('answered 101'))
  })
  request.end(body)
  const [response] = await once(request, 'response') as [IncomingMessage]
  return { status: response.statusCode as number, headers: response.headers, body: response, isComplete: () => response.complete }
}

/** Returns the answer that came through a proxy. The failures and the refusals of the proxy itself are thrown. */
export async function throughProxy (answered: Promise<HttpAnswer>): Promise<HttpAnswer> {
  let answer: HttpAnswer
  try {
    answer = await answered
  } catch (error) {
    throw proxyFailure(error)
  }
  if (answer.status !== 407) return answer
  await letGo(answer)
  throw refusedByProxy(answer.status)
}

/** Gives up an answer. Its connection is kept if the whole answer has arrived, and closed otherwise, since nobody needs the rest. */
export async function letGo ({ body, isComplete }: HttpAnswer): Promise<void> {
  body.resume()
  await turn()
  if (!isComplete()) body.destroy()
}

/** Reads a body, but at most its first `maxBytes` bytes. */
export async function readBody (body: Readable, maxBytes: number): Promise<{ bytes: Buffer, complete: boolean }> {
  const chunks: Buffer[] = []
  let length = 0
  for await (const chunk of body) {
    chunks.push(chunk)
    length += chunk.length
    if (length > maxBytes) break
  }
  return { bytes: Buffer.concat(chunks).subarray(0, maxBytes), complete: length <= maxBytes }
}

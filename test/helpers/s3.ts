import { createRequire } from 'node:module'
import { join } from 'node:path'
import { exchange, freePort, launch } from './server.js'
import type { Scope, Server } from './server.js'

export interface S3 extends Server {
  readonly endpoint: string
  readonly bucket: string
  readonly region: string
  readonly credentials: { readonly accessKeyId: string, readonly secretAccessKey: string }
}

/**
 * An S3 of its own, with one empty bucket. A client of it needs `forcePathStyle: true`, and for streams
 * `requestChecksumCalculation: 'WHEN_REQUIRED'`: s3rver takes the checksum that the SDK sends after a stream for a part of the object.
 */
export async function startS3 (t: Scope): Promise<S3> {
  const port = await freePort()
  const bucket = 'health'
  const endpoint = `http://127.0.0.1:${port}`
  const running = await launch(t, 'S3', ({ folder }) => ({
    command: process.execPath,
    args: [
      createRequire(import.meta.url).resolve('s3rver/bin/s3rver.js'),
      '--directory', join(folder, 'data'), '--address', '127.0.0.1', '--port', String(port), '--configure-bucket', bucket,
    ],
    answers: () => exchange(port, `HEAD /${bucket} HTTP/1.0\r\n\r\n`, 'HTTP/1.1'),
  }), { port })
  return Object.assign(running, {
    port,
    url: endpoint,
    endpoint,
    bucket,
    region: 'us-east-1',
    // The only ones that s3rver knows.
    credentials: { accessKeyId: 'S3RVER', secretAccessKey: 'S3RVER' },
  })
}

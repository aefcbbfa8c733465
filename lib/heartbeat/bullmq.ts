/** The reserved name of the jobs that `BullMQRoundTripCheck` adds. */
export const healthJobName = 'fastify-health'

/** The value that a worker returns for a health job. */
export const healthJobAnswer = 'healthy'

/** Returns whether `BullMQRoundTripCheck` added the job. */
export function isHealthJob (job: { readonly name: string }): boolean {
  return job.name === healthJobName
}

/**
 * Makes a processor that answers the jobs of `BullMQRoundTripCheck`, and gives every other job to `processor`.
 *
 * @example
 * new Worker('mail', withHealthJobs(async job => { await send(job.data) }), { connection })
 */
export function withHealthJobs<Processor extends (job: any, ...rest: any[]) => unknown> (processor: Processor): Processor {
  const answering = async (job: { readonly name: string }, ...rest: unknown[]) =>
    isHealthJob(job) ? healthJobAnswer : await processor(job, ...rest)
  // BullMQ gives a signal only to processors that declare a third parameter.
  return Object.defineProperty(answering, 'length', { value: processor.length }) as unknown as Processor
}

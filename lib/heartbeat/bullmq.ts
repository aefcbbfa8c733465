/** The reserved name of the jobs that `BullMQRoundTripCheck` adds. */
export const healthJobName = 'fastify-health'

/** What a worker returns for such a job. */
export const healthJobAnswer = 'healthy'

/** Whether a job is one of `BullMQRoundTripCheck`'s. */
export function isHealthJob (job: { readonly name: string }): boolean {
  return job.name === healthJobName
}

/**
 * The worker's side of `BullMQRoundTripCheck`: a processor that answers health jobs and gives every other one to `processor`.
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

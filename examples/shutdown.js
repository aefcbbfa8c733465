import closeWithGrace from 'close-with-grace'

/** Readiness fails from SIGTERM on, while requests are still served, until the load balancers have noticed. */
export function drainOnSignals (app, ms) {
  closeWithGrace({ delay: ms + 10_000 }, async ({ err }) => {
    if (err) app.log.error(err)
    await app.health.drain(ms)
    await app.close()
  })
}

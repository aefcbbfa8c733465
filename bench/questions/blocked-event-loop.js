import { setTimeout as sleep } from 'node:timers/promises'
import { Client } from '../load.js'
import { counted, quantile, scaled, withContenders } from '../measure.js'
import { startDatabases, withServers } from '../servers.js'

/** The app computes for 200 ms at a time, longer than a check may take: its databases are well all the same. */
export default async function blockedEventLoop () {
  return await withServers(startDatabases, async ({ postgres, redis }) => {
    const options = { postgres: postgres.url, redis: redis.url, timeout: 100 }
    return await withContenders('readiness.js', ['ours'], options, async contenders => {
      const { call } = contenders.get('ours')
      const client = await Client.open((await call('address')).url)
      await client.ask()
      await call('block', 50, 200)
      const answers = []
      for (let n = 0; n < scaled(60); n++) {
        // At another moment of the block each time.
        await sleep(10 + 23 * (n % 10))
        answers.push(await client.ask())
      }
      client.close()
      const question = 'an event loop that is blocked for 200 ms at a time'
      return [
        counted({ question, unit: `answers of ${answers.length} that call a dependency down`, ours: answers.filter(({ status }) => status !== 200).length, aim: { atMost: 0 } }),
        counted({ question, unit: 'ms until the answer, median', ours: quantile(answers.map(({ time }) => time), 0.5) }),
        counted({ question, unit: 'ms until the answer, p100', ours: Math.max(...answers.map(({ time }) => time)) }),
      ]
    })
  })
}

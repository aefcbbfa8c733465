import { hostname } from 'node:os'
import { HealthCheck } from '../check.js'
import { ServiceReturnedUnexpectedResult } from '../errors.js'
import { text, texts } from '../values/rules.js'
import { clockOf } from '../time/clock.js'
import { interruptionOf } from '../time/stop-signal.js'
import type { CheckContext, RequirementsContext, RulesOf } from '../../types/check.js'
import type { RedisSource } from '../../types/sources.js'
import { unsign } from './django-q/signature.js'
import { valuesOf, walk, type StatValues } from './django-q/stat-keys.js'
import { readStat, type Stat } from './django-q/stat.js'
import { redisRequirements, redisRules, withRedis } from '../clients/redis.js'
import { assertHealthy, defaultUnhealthyStatuses } from './workers/statuses.js'

export interface DjangoQOptions extends RedisSource {
  /** The `name` of the cluster in `Q_CLUSTER` of Django. */
  cluster: string
  /** The `SECRET_KEY` of Django, with which the cluster signs. */
  secretKey: string
  /**
   * The statuses that do not count as healthy.
   *
   * @default ['Stopping', 'Stopped']
   */
  unhealthyStatuses?: string[]
}

/** The keyspace is walked if no healthy stat is known, and otherwise at most once in this many milliseconds. */
const walkEvery = 60_000

/** The keys of this cluster's stats, which are kept between runs. */
interface KnownKeys {
  keys: string[]
  walkedAt: number
}

interface FoundStats {
  readonly stats: Stat[]
  /** The faults of values that are no stats. */
  readonly faults: Set<string>
}

/**
 * The common part of both checks of Django-Q. Each cluster sets the key `django_q:<name>:cluster:<uuid>` about twice a second, and the key
 * expires after 3 s, so every stat that exists is fresh. Django-Q keeps no list of the keys. The check finds them by walking the keyspace
 * in small steps, and then reads them by their names.
 */
abstract class DjangoQCheck extends HealthCheck<DjangoQOptions> {
  static override readonly rules = {
    ...redisRules,
    cluster: text({ required: true }),
    secretKey: text({ required: true, secret: true }),
    unhealthyStatuses: texts(),
  } satisfies RulesOf<DjangoQOptions>

  /** The name of the cluster in messages. */
  protected abstract get subject (): string

  /** Returns whether the check is about the cluster of this stat. */
  protected abstract concerns (stat: Stat): boolean

  override async requirements (context: RequirementsContext) {
    return await redisRequirements(this.options, context)
  }

  override async check (context: CheckContext) {
    const { stats, faults } = await this.#find(context)
    for (const fault of faults) this.addError(new ServiceReturnedUnexpectedResult(fault))
    const counts = new Map<string, number>()
    for (const { status } of stats) counts.set(status, (counts.get(status) ?? 0) + 1)
    assertHealthy(counts, this.#unhealthy, this.subject, context)
  }

  get #unhealthy (): readonly string[] {
    return this.options.unhealthyStatuses ?? defaultUnhealthyStatuses
  }

  async #find (context: CheckContext): Promise<FoundStats> {
    const { url, namespace, cluster } = this.options
    const known = await context.resources.get<KnownKeys>(`django-q ${url} ${namespace} ${cluster}`, () =>
      ({ keys: [], walkedAt: -Infinity }))
    return await withRedis(context, this.options, async client => {
      const now = clockOf(context).now()
      const found = this.#read(await valuesOf(client, known.keys))
      const healthy = found.stats.some(({ status }) => !this.#unhealthy.includes(status))
      if (healthy && now - known.walkedAt < walkEvery) return found
      const values = await walk(client, `django_q:${cluster}:cluster:`, interruptionOf(context))
      known.keys = [...values.keys()]
      known.walkedAt = now
      return this.#read(values)
    })
  }

  #read (values: StatValues): FoundStats {
    const { cluster, secretKey } = this.options
    const found: FoundStats = { stats: [], faults: new Set() }
    for (const value of values.values()) {
      try {
        const pickle = unsign(value, secretKey, cluster)
        if (pickle === undefined) {
          found.faults.add(`a stat of cluster '${cluster}' is not signed with this secretKey`)
          continue
        }
        const stat = readStat(pickle)
        if (this.concerns(stat)) found.stats.push(stat)
      } catch {
        found.faults.add(`a stat of cluster '${cluster}' cannot be read`)
      }
    }
    return found
  }
}

/** Passes if a Django-Q cluster of this name runs on any host, and its status is healthy. */
export class DjangoQClusterCheck extends DjangoQCheck {
  static override readonly scope = 'workers'

  protected override get subject () { return `stat of cluster '${this.options.cluster}'` }

  protected override concerns () { return true }
}

/** Passes if a Django-Q cluster of this name runs on this host, and its status is healthy. */
export class DjangoQLocalCheck extends DjangoQCheck {
  static override readonly scope = 'shared'

  protected override get subject () { return `stat of cluster '${this.options.cluster}' on this host` }

  protected override concerns ({ host }: Stat) { return host === hostname() }
}

export default DjangoQClusterCheck

import { FST_HEALTH_INVALID_DURATION } from '../errors.js'
import { longestTimer, numeric } from '../values/rules.js'
import { shown } from '../values/shown.js'

const anyDuration = numeric(`a number of milliseconds, 0 to ${longestTimer}`, 0, longestTimer)

/** @throws FST_HEALTH_INVALID_DURATION if the value breaks the rule. `what` names it in the message. */
export function assertDuration (what: string, value: unknown, rule = anyDuration): void {
  if (!rule.test(value)) throw new FST_HEALTH_INVALID_DURATION(what, rule.expected, shown(value))
}

import { escape } from 'html-escaper'
import { headersOf, html as ofSubset } from '../html.js'
import { assets } from '../html/assets.js'
import { age, momentInWords, utc } from '../html/moments.js'
import { frame, tableHead } from '../html/page.js'
import { muteInWords } from '../../engine/report.js'
import { counts, failingOf, failure, isWell, sinceOf, subsetInWords } from './words.js'
import type { FleetInstance, InstanceSubset, Roster } from '../../../types/fleet.js'
import type { Renderer } from '../../../types/renderer.js'

/** Writes the page of a fleet. It lists the instances with failures, the worst first, and then the names of the others. */
export const html: Renderer<Roster> = {
  ...ofSubset,
  headers: headersOf(assets.fleet),
  render: roster => frame({
    verdict: isWell(roster) ? 'healthy' : 'unhealthy',
    heading: `Fleet: ${escape(roster.fleet)}`,
    summary: roster.unavailable === undefined ? fleetSummary(roster) : escape(`Only this instance is known: ${roster.unavailable}`),
    asOf: `as of <time datetime="${utc(roster.at)}">${momentInWords(roster.at)}</time>`,
    body: body(roster),
  }, assets.fleet),
}

function fleetSummary (roster: Roster): string {
  return escape([counts(roster), ...roster.subsets.map(subset => `${subset.subset} ${subsetInWords(subset)}`)].join(' · '))
}

const isGood = (instance: FleetInstance) => instance.state === 'up' &&
  instance.subsets.every(({ healthy, failing }) => healthy && failing.length === 0)

function body ({ instances, mutes, at, up, draining, gone }: Roster): string {
  const good = instances.filter(isGood)
  const others = instances.filter(instance => !isGood(instance))
  const hidden = up + draining + gone - instances.length
  return [
    ...mutes.length === 0
      ? []
      : [`<section class="muted">\n<h2>Muted at every instance</h2>\n<ul>\n${mutes.map(mute =>
        `<li>${escape(`${mute.subset}: ${mute.identifier}, ${muteInWords(mute)}`)}</li>`).join('\n')}\n</ul>\n</section>`],
    ...others.length === 0 ? [] : [instanceTable(others, at)],
    ...good.length === 0
      ? []
      : [`<h2>Up, with nothing failing</h2>\n<ul>\n${good.map(({ instance, version, releaseId }) =>
        `<li>${escape(instance)}${release(version, releaseId)}</li>`).join('\n')}\n</ul>`],
    ...hidden > 0 ? [`<h2>${hidden} more that are not shown</h2>`] : [],
  ].join('\n')
}

function instanceTable (instances: readonly FleetInstance[], at: number): string {
  return `<table class="fleet">
<caption>Instances to look at</caption>
${tableHead(['State', 'Instance', 'What fails', 'Since', 'Last heard', 'Version'])}
<tbody>
${instances.map(instance => instanceRow(instance, at)).join('\n')}
</tbody>
</table>`
}

function instanceRow (instance: FleetInstance, at: number): string {
  const [word, look] = instanceState(instance)
  const { instance: name, state, subsets, seen, version, releaseId } = instance
  const cells = [
    `<td><b>${word}</b></td>`,
    `<th scope="row">${escape(name)}</th>`,
    `<td>${state === 'gone'
      ? '<p>It did not say goodbye.</p>'
      : subsets.filter(({ healthy, failing }) => !healthy || failing.length > 0).map(subset => what(subset, at)).join('')}</td>`,
    `<td>${timeElement(sinceOf(instance), at)}</td>`,
    `<td>${timeElement(seen, at)}</td>`,
    `<td>${[version, releaseId].filter(text => text !== undefined).map(text => escape(text)).join(' ')}</td>`,
  ]
  return `<tr class="${look}">${cells.join('')}</tr>`
}

function instanceState (instance: FleetInstance): [word: string, look: string] {
  const { state } = instance
  if (state === 'gone') return ['gone', 'bad']
  if (failingOf(instance).length > 0) return ['failing', 'bad']
  return state === 'draining' ? ['draining', 'away'] : ['up', 'mild']
}

function what ({ subset, failing }: InstanceSubset, at: number): string {
  const checks = failing.map(check => `${escape(failure(check))} <span class="since">since ${age(at - check.since)}</span>`).join(', ')
  return `<p>${escape(subset)}: ${checks === '' ? 'failing' : checks}</p>`
}

function release (version: string | undefined, releaseId: string | undefined): string {
  const known = [version, releaseId].filter(text => text !== undefined).join(' ')
  return known === '' ? '' : ` <small>${escape(known)}</small>`
}

function timeElement (at: number, now: number): string {
  return `<time datetime="${utc(at)}">${age(now - at)}</time>`
}

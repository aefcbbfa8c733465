import { escape } from 'html-escaper'
import { age, momentInWords, taken, utc } from './moments.js'
import { strip } from './strip.js'
import { muteInWords } from '../../engine/report.js'
import { assets, type Assets } from './assets.js'
import type { Report, Result } from '../../../types/report.js'

export type PageVerdict = 'healthy' | 'unhealthy' | 'draining'

/** The parts of a page. */
export interface Content {
  readonly verdict: PageVerdict
  /** The heading of the page, as HTML. */
  readonly heading: string
  readonly summary: string
  /** The moment of the page, as HTML. */
  readonly asOf: string
  readonly body: string
}

const favicons: Record<PageVerdict, string> = { healthy: '1a7f4b', unhealthy: 'c4262e', draining: '2456a6' }

const signs: Record<PageVerdict, string> = {
  healthy: 'M5 13l4 4L19 7',
  unhealthy: 'M6 6l12 12M18 6L6 18',
  draining: 'M12 5v13M6 13l6 6 6-6',
}

/** A page with at least this many checks has a search, which the script shows. */
const searchable = 11

export function page (report: Report): string {
  const isSearchable = report.results.length >= searchable
  const asOf = report.startedAt + report.duration
  return frame({
    verdict: report.draining ? 'draining' : report.healthy ? 'healthy' : 'unhealthy',
    heading: `System status: ${escape(report.subset)}`,
    summary: reportSummary(report),
    asOf: `as of <time datetime="${utc(asOf)}">${momentInWords(asOf)}</time>, took ${taken(report.duration)}`,
    body: `${isSearchable ? tools + linksToFailing(report) : ''}\n${report.results.length === 0 ? '' : resultTable(report, asOf)}`,
  }, isSearchable ? assets.searchable : assets.plain)
}

const favicon = (colour: string) => "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 8 8'%3E" +
  `%3Ccircle cx='4' cy='4' r='4' fill='%23${colour}'/%3E%3C/svg%3E`

/** Makes a whole page. The script compares and replaces `main` and the icon. */
export function frame ({ verdict, heading, summary, asOf, body }: Content, { style, script, version }: Assets): string {
  return `<!DOCTYPE html><html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex">
<meta name="color-scheme" content="light dark">
<title>System status</title>
<link rel="icon" href="${favicon(favicons[verdict])}">
<style>${style}</style>
<script type="module">${script}</script>
</head>
<body>
<main class="${verdict}" data-version="${version}">
<header>
<svg viewBox="0 0 24 24" aria-hidden="true"><path d="${signs[verdict]}"/></svg>
<div>
<h1>${heading}</h1>
<p role="status">${verdict}</p>
</div>
<div>
<p>${summary}</p>
<p>${asOf}</p>
</div>
</header>
${body}
</main>
<footer><p>Reload the page for a newer answer.</p></footer>
</body>
</html>
`
}

const tools = '<div role="search" hidden><label>Search <input type="search"></label><button type="button" aria-pressed="false">Failing ' +
  'first</button><p></p></div>'

/** Makes links to the rows that fail, for browsers without scripts. The script offers a button instead. */
function linksToFailing ({ results, draining }: Report): string {
  const links = results.flatMap((result, index) => looks[resultState(result, draining)] === 'bad'
    ? [`<a href="#check-${index}">${escape(result.identifier)}</a>`]
    : [])
  return links.length === 0 ? '' : `<nav aria-label="Failing checks">Failing: ${links.join(', ')}</nav>`
}

type State = 'failing' | 'non-critical failing' | 'muted' | 'borne' | 'warning' | 'draining' | 'working'

/** The look of each state. The summary counts the states in this order. */
const looks: Record<State, string> = {
  failing: 'bad',
  'non-critical failing': 'mild',
  muted: 'mild',
  borne: 'mild',
  warning: 'mild',
  draining: 'away',
  working: 'good',
}

function resultState ({ healthy, critical, errors, borne, muted }: Result, draining: boolean): State {
  if (draining) return 'draining'
  if (!healthy && muted !== undefined) return 'muted'
  if (borne) return 'borne'
  if (!healthy) return critical ? 'failing' : 'non-critical failing'
  return errors.length === 0 ? 'working' : 'warning'
}

function reportSummary ({ results, draining }: Report): string {
  if (results.length === 0) return 'no checks'
  const states = results.map(result => resultState(result, draining))
  return Object.keys(looks)
    .map(state => ({ state, count: states.filter(each => each === state).length }))
    .filter(({ count }) => count > 0)
    .map(({ state, count }) => `${count} ${state}`)
    .join(' · ')
}

/** Writes the head of a table. */
export function tableHead (columns: readonly string[]): string {
  return `<thead><tr>${columns.map(column => `<th scope="col">${column}</th>`).join('')}</tr></thead>`
}

function resultTable ({ results, draining, subset }: Report, asOf: number): string {
  const rows = results.map((result, index) =>
    resultRow(result, resultState(result, draining), asOf, results.length >= searchable ? index : undefined))
  return `<table>
<caption>Checks of ${escape(subset)}</caption>
${tableHead(['State', 'Check', 'Message', 'Last 60 runs', 'Since', 'Last success', 'Time taken'])}
<tbody>
${rows.join('\n')}
</tbody>
</table>`
}

function resultRow (result: Result, state: State, asOf: number, index: number | undefined): string {
  const { identifier, critical, since, lastSuccess, duration, history } = result
  const said = [state === 'working' ? '' : message(result), muteCell(result), observations(result)].filter(text => text !== '')
  const cells = [
    `<td><b>${state === 'non-critical failing' ? 'failing' : state}</b></td>`,
    `<th scope="row">${escape(identifier)}${critical ? '' : ' <em>non-critical</em>'}</th>`,
    `<td>${said.join('\n')}</td>`,
    `<td>${strip(history)}</td>`,
    `<td>${moment(since, asOf, 'not run yet')}</td>`,
    `<td>${moment(lastSuccess, asOf, 'never')}</td>`,
    `<td>${taken(duration)}</td>`,
  ]
  return `<tr class="${looks[state]}"${looks[state] === 'bad' && index !== undefined ? ` id="check-${index}"` : ''}>${cells.join('')}</tr>`
}

function message ({ status, consecutiveFailures }: Result): string {
  return escape(status) + (consecutiveFailures > 1 ? ` <small>${consecutiveFailures} times in a row</small>` : '')
}

function muteCell ({ muted }: Result): string {
  return muted === undefined ? '' : `<small>${escape(muteInWords(muted))}</small>`
}

function observations ({ observed = [] }: Result): string {
  return observed.map(({ name, value, unit }) =>
    `<small>${escape([name, value, unit].filter(part => part !== undefined).join(' '))}</small>`).join('\n')
}

function moment (at: number | null, asOf: number, absent: string): string {
  if (at === null) return absent
  return `<time datetime="${utc(at)}">${age(asOf - at)}</time>`
}

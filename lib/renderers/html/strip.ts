const slots = 60
const pitch = 3

/**
 * Draws the last outcomes as ticks, the latest at the right. The ticks are lines that the style dashes. One line holds all outcomes. For
 * each row of failures, a taller line covers it.
 */
export function strip (history: readonly boolean[]): string {
  const empty = (slots - history.length) * pitch
  const paths = [
    empty > 0 ? `<path class="none" d="M0 10h${empty}"/>` : '',
    history.length > 0 ? `<path class="up" d="M${empty} 10H${slots * pitch}"/>` : '',
    history.includes(false) ? `<path class="down" d="M${empty} 10${failures(history)}"/>` : '',
  ]
  return `<svg viewBox="0 0 ${slots * pitch} 20" role="img"><title>${historyInWords(history)}</title>${paths.join('')}</svg>`
}

function failures (history: readonly boolean[]): string {
  let lines = ''
  let position = 0
  for (let start = history.indexOf(false); start !== -1; start = history.indexOf(false, position)) {
    const next = history.indexOf(true, start)
    const end = next === -1 ? history.length : next
    if (start > position) lines += `m${(start - position) * pitch} 0`
    lines += `h${(end - start) * pitch}`
    position = end
  }
  return lines
}

function historyInWords (history: readonly boolean[]): string {
  const { length } = history
  if (length === 0) return 'no runs yet'
  return `${history.filter(Boolean).length} of the last ${length} runs passed`
}

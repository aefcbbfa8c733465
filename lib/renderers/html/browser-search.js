// The second part of the script of a page with many checks, after browser.js. It adds a search, and a button that puts failures first.
/* global hooks, main, patch */

const ranks = ['bad', 'mild', 'away', 'good']
let latest = main.cloneNode(true)
let failingFirst = false

const arrange = root => {
  const tools = root.querySelector('[role=search]')
  const body = root.querySelector('tbody')
  const rows = [...body.rows]
  const words = main.querySelector('input').value.toLowerCase()
  for (const row of rows) row.hidden = !row.textContent.toLowerCase().includes(words)
  if (failingFirst) body.append(...rows.sort((a, b) => ranks.indexOf(a.className) - ranks.indexOf(b.className)))
  tools.hidden = false
  tools.querySelector('button').setAttribute('aria-pressed', failingFirst)
  tools.querySelector('p').textContent = words && rows.filter(row => !row.hidden).length + ' of ' + rows.length + ' checks'
}

const rearrange = () => {
  const next = latest.cloneNode(true)
  arrange(next)
  for (const part of ['[role=search]', 'tbody']) patch(main.querySelector(part), next.querySelector(part))
}

hooks.arrange = report => {
  latest = report.cloneNode(true)
  arrange(report)
}
main.oninput = rearrange
main.onclick = ({ target }) => {
  if (!target.ariaPressed) return
  failingFirst = !failingFirst
  rearrange()
}
rearrange()

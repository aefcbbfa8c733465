// The script of the status page. While the page is visible, it asks the page's URL every 5 s, and changes the parts of the page that differ
// in the answer. The server counts as lost if it does not answer in time, or if its answer is not this page, whatever the status.
/* global DOMParser, Node, location */

const main = document.querySelector('main')
const icon = document.querySelector('link')
const note = document.querySelector('footer p')
const verdict = document.querySelector('[role=status]')
const url = location.origin + location.pathname + location.search
const local = moment => new Date(moment).toLocaleString()
// A page with a search arranges each answer before it is shown (browser-search.js).
const hooks = { arrange () {} }
let took = performance.getEntriesByType('navigation')[0].responseEnd
let lostAt, timer, busy, paused

const localise = root => {
  const [asOf, ...moments] = root.querySelectorAll('time')
  asOf.textContent = local(asOf.dateTime)
  for (const moment of moments) moment.title = local(moment.dateTime)
}

const patch = (now, next) => {
  if (now.isEqualNode(next)) return
  if (now.nodeName !== next.nodeName) return now.replaceWith(next)
  if (now.nodeType === Node.TEXT_NODE) {
    now.data = next.data
    return
  }
  for (const { name } of [...now.attributes]) if (!next.hasAttribute(name)) now.removeAttribute(name)
  for (const { name, value } of next.attributes) if (now.getAttribute(name) !== value) now.setAttribute(name, value)
  const children = [...next.childNodes]
  while (now.childNodes.length > children.length) now.lastChild.remove()
  children.forEach((child, index) => now.childNodes[index] ? patch(now.childNodes[index], child) : now.append(child))
}

const lose = why => {
  if (!lostAt) {
    lostAt = local(Date.now())
    main.className = 'lost'
    verdict.textContent = 'lost the server'
    icon.href = icon.href.replace(/%23\w+/, '%23888')
    main.querySelector('path').setAttribute('d', 'M5 12h14')
  }
  main.querySelector('div + div p').textContent = why + ' since ' + lostAt
  note.textContent = 'What is shown is from before. Trying again every 5 s.'
}

const show = (report, nextIcon) => {
  if (report.dataset.version !== main.dataset.version) return location.reload()
  localise(report)
  hooks.arrange(report)
  patch(main, report)
  patch(icon, nextIcon)
  if (lostAt) note.textContent = 'The server is back since ' + local(Date.now()) + '. It was lost at ' + lostAt + '.'
  lostAt = undefined
}

const ask = async () => {
  const started = performance.now()
  try {
    const signal = AbortSignal.timeout(10000 + 2 * took)
    const response = await fetch(url, { headers: { accept: 'text/html' }, cache: 'no-store', signal })
    const next = new DOMParser().parseFromString(await response.text(), 'text/html')
    const report = next.querySelector('main[data-version]')
    if (report) show(report, next.querySelector('link'))
    else lose('answered ' + response.status + ' without a report')
  } catch {
    lose('no answer')
  }
  took = performance.now() - started
}

const refresh = async () => {
  clearTimeout(timer)
  if (busy || paused || document.hidden) return
  busy = true
  await ask()
  busy = false
  timer = setTimeout(refresh, 5000)
}

const button = document.createElement('button')
const label = () => {
  button.textContent = paused ? 'Resume' : 'Pause'
  note.textContent = paused ? 'Paused.' : 'Refreshes itself every 5 s.'
}
button.onclick = () => {
  paused = !paused
  label()
  refresh()
}
label()
note.after(button)
localise(document)
document.onvisibilitychange = refresh
timer = setTimeout(refresh, 5000)

const source = `
  :root {
    color-scheme: light dark;
    --page: #f4f6f8; --card: #fff; --text: #1b2229; --muted: #57626d; --line: #e1e6ea; --none: #dde2e7;
    --good: #17703f; --good-card: #e3f3ea; --up: #5db88a;
    --bad: #c4262e; --bad-card: #fdeeee;
    --mild: #8a4f00; --mild-card: #fff6e3;
    --away: #2456a6;
  }
  @media screen and (prefers-color-scheme: dark) {
    :root {
      --page: #0f1317; --card: #171c22; --text: #e4e9ee; --muted: #9aa6b2; --line: #29313a; --none: #2a323b;
      --good: #63cf97; --good-card: #14301f; --up: #358c60;
      --bad: #ff7d76; --bad-card: #331a1d;
      --mild: #f0b455; --mild-card: #2b2415;
      --away: #7fb0ff;
    }
  }
  * { box-sizing: border-box; margin: 0 }
  html { font: clamp(.9rem, .6rem + .4vw, 1.25rem)/1.4 system-ui, sans-serif; background: var(--page); color: var(--text) }
  body { max-width: 100rem; margin: 0 auto; padding: 1.25rem }
  header, table { border-radius: .6rem }
  header { display: flex; flex-wrap: wrap; align-items: center; gap: .5rem 1.1rem; padding: 1rem 1.25rem; border: 1px solid transparent; color: #fff }
  header svg { width: 3rem; fill: none; stroke: currentColor; stroke-width: 3; stroke-linecap: round; stroke-linejoin: round }
  header div { flex: 1 1 14rem; overflow-wrap: anywhere }
  header div + div { text-align: end }
  h1 { font-size: 1rem; font-weight: 500 }
  [role=status] { font-size: 2.3rem; font-weight: 700; line-height: 1.1; letter-spacing: -.02em }
  p::first-letter { text-transform: uppercase }
  .healthy header { background: var(--good-card); color: var(--good) }
  .unhealthy header, .bad b { background: #c4262e }
  .draining header { background: #2456a6 }
  .lost header { background: #454e57 }
  .lost table { filter: grayscale(1) }
  table { position: relative; width: 100%; margin-top: 1rem; border-collapse: collapse; background: var(--card); overflow: hidden; font-variant-numeric: tabular-nums }
  caption { position: absolute; clip-path: inset(50%) }
  th, td { padding: .5rem .6rem; text-align: start; vertical-align: top; overflow-wrap: anywhere }
  tr > :first-child { padding-inline-start: 1.25rem }
  tr > :last-child { padding-inline-end: 1.25rem; text-align: end }
  thead th { color: var(--muted); font-size: .85em; font-weight: 500; white-space: nowrap }
  thead th:nth-child(5), thead th:nth-child(6) { width: 11rem }
  tbody tr { border-top: 1px solid var(--line) }
  tbody th { width: 24%; min-width: 15rem; font-weight: 600 }
  td { color: var(--muted); white-space: nowrap }
  td:nth-child(3) { width: 28%; color: inherit; white-space: pre-line }
  td svg { display: block; width: 180px }
  td path { stroke-dasharray: 2 1 }
  .none { stroke: var(--none); stroke-width: 4 }
  .up { stroke: var(--up); stroke-width: 12 }
  .down { stroke: var(--bad); stroke-width: 20 }
  b { display: inline-block; min-width: 6rem; margin: -1px 0; padding: 0 .55rem; border: 1px solid transparent; border-radius: 1rem; font-weight: 600; text-align: center }
  .good b { margin: 0; padding: 0; border: 0; color: var(--good); text-align: start }
  .bad { background: var(--bad-card); box-shadow: inset .3rem 0 #c4262e }
  .bad b { color: #fff }
  .mild { background: var(--mild-card) }
  .mild b { border-color: currentColor; color: var(--mild) }
  .away b { border-color: currentColor; color: var(--away) }
  em, small { color: var(--muted); font-size: .85em; font-style: normal; font-weight: 400; white-space: nowrap }
  td:nth-child(3) small { white-space: inherit }
  td time::after { content: attr(datetime); display: block; font-size: .8em }
  td [title]::after { content: attr(title) }
  @media screen and (scripting: enabled) {
    .good time::after, .away time::after { display: none }
  }
  footer { display: flex; flex-wrap: wrap; align-items: center; gap: .5rem 1rem; padding: .9rem 1.25rem; color: var(--muted); font-size: .9em }
  button { padding: .1rem .8rem; border: 1px solid; border-radius: 1rem; background: none; color: inherit; font: inherit; cursor: pointer }
  @media (max-width: 70rem) {
    body { padding: .6rem }
    header { padding: .8rem 1rem }
    header div + div { text-align: start }
    thead { position: absolute; clip-path: inset(50%) }
    tbody tr { display: flex; flex-wrap: wrap; gap: .15rem .7rem; padding: .7rem 1rem }
    tbody tr > :nth-child(n) { order: 1; padding: 0 }
    tbody tr > :nth-child(-n + 2), tbody td:last-child { order: 0 }
    b { min-width: 0 }
    tbody th { flex: 1; min-width: 0 }
    td:nth-child(3) { width: 100% }
    td:nth-child(4) { flex: 1 1 20rem; margin-block: .25rem }
    td:nth-child(5), td:nth-child(6) { flex: 1 0 10rem }
    td svg { width: 100%; max-width: 24rem }
    td:nth-child(5)::before { content: "Since " }
    td:nth-child(6)::before { content: "Last success " }
  }
  @media print {
    footer { display: none }
    header, b { border-color: currentColor }
    main[class] header, tr[class] b { background: none; color: inherit }
    tr { break-inside: avoid }
  }
`

/** Without the white space that only a reader needs. */
export const style = source.replace(/\s*([{};,>]|\n)\s*/g, '$1').replace(/\n/g, '').replace(/: /g, ':').replace(/;}/g, '}')

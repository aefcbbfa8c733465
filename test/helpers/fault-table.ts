/** The ways in which a dependency fails, and what is done to it for each of them. */
export const faults = {
  refused: 'nothing listens any more',
  frozen: 'the process is stopped, its port accepts',
  silent: 'the network accepts, and every byte is lost',
  cut: 'the connection is reset in the middle of an answer',
  credentials: 'the password is no longer valid',
  slow: 'the answer takes longer than the timeout',
  restarted: 'restarted between two probes',
  flapping: 'gone and back, over and over',
} as const

export type Fault = keyof typeof faults

/** A cell that makes no sense, and why. */
export interface Inapplicable {
  readonly because: string
}

/** What a probe says while the fault lasts. */
export type Cell = string | Inapplicable

const refused = 'unavailable: connection refused'
const lost = 'unavailable: connection lost'
const late = 'unavailable: timed out after <n> ms'
const denied = 'unavailable: authentication failed'
/** A restart is over when the next probe comes; while it flaps, each probe says how it is just then. */
const usual = { refused, frozen: late, silent: late, cut: lost, credentials: denied, slow: late, restarted: 'working', flapping: refused }

const proxy = {
  refused: 'unavailable: the proxy cannot be reached: connection refused',
  cut: 'unavailable: the proxy closed the connection',
  credentials: 'unavailable: the proxy answered 407',
  flapping: 'unavailable: the proxy cannot be reached: connection refused',
}

const unwritten = 'a file cannot be written'

const file = {
  network: { because: 'a local folder has no network' },
  process: { because: 'a local folder has no process' },
}

/** What each dependency's check says under each fault; the tests in test/fault-matrix/ hold it to that. */
export const faultTable = {
  PostgreSQL: usual,
  'PostgreSQL over app.pg': usual,
  Redis: usual,
  'Redis over app.redis': usual,
  RabbitMQ: usual,
  Celery: { ...usual, frozen: 'unavailable: Celery workers unavailable' },
  'Django-Q': { ...usual, frozen: "unavailable: no stat of cluster 'shop'" },
  BullMQ: usual,
  Cache: usual,
  'Storage (S3)': {
    ...usual,
    refused: `unavailable: ${unwritten}: connection refused`,
    cut: `unavailable: ${unwritten}: connection lost`,
    credentials: `unavailable: ${unwritten}: authentication failed`,
    flapping: `unavailable: ${unwritten}: connection refused`,
  },
  'Storage (folder)': {
    refused: `unavailable: ${unwritten}: no such file or folder`,
    frozen: file.process,
    silent: file.network,
    cut: file.network,
    credentials: { because: 'a local folder has no password' },
    slow: file.network,
    restarted: file.process,
    flapping: `unavailable: ${unwritten}: no such file or folder`,
  },
  HTTP: { ...usual, credentials: 'unexpected result: answered 401' },
  'HTTP over app.partner': { ...usual, credentials: 'unexpected result: answered 401' },
  'HTTP through a proxy': { ...usual, ...proxy },
  'HTTPS through a proxy': { ...usual, ...proxy },
  gRPC: usual,
  TCP: {
    ...usual,
    frozen: 'working',
    silent: 'working',
    cut: 'working',
    credentials: { because: 'a connection has no password' },
    slow: 'working',
  },
  DNS: {
    ...usual,
    cut: { because: 'a question has no connection' },
    credentials: { because: 'a question has no password' },
  },
  SMTP: usual,
  'SMTP over app.mailer': usual,
  MySQL: usual,
  'SQL over app.db': usual,
  MongoDB: usual,
  Elasticsearch: usual,
  NATS: usual,
  MQTT: usual,
  Kafka: { ...usual, credentials: { because: 'the mock cluster takes no login' } },
  Memcached: { ...usual, credentials: { because: 'it is asked without a password' } },
  Certificate: { ...usual, credentials: 'unavailable: certificate expired 3 days ago' },
} as const satisfies Record<string, Record<Fault, Cell>>

export type Dependency = keyof typeof faultTable

/** The table as docs/operations.md shows it. */
export function faultTableInMarkdown (): string {
  const names = Object.keys(faults) as Fault[]
  const line = (cells: string[]) => `| ${cells.join(' | ')} |`
  const rows = Object.entries<Record<Fault, Cell>>(faultTable).map(([dependency, cells]) =>
    line([dependency, ...names.map(name => inMarkdown(name, cells[name]))]))
  return [line(['', ...names]), line(['---', ...names.map(() => '---')]), ...rows].join('\n')
}

function inMarkdown (fault: Fault, cell: Cell): string {
  if (typeof cell !== 'string') return `– (${cell.because})`
  const text = cell.replace(/^unavailable: /, '').replace('<n>', 'n')
  return fault === 'flapping' ? `${text} / working` : text
}

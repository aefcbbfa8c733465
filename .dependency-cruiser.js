// The rooms of lib/ from the ground up. A file imports, types included, from its own room and from those above it in this list.
const rooms = [
  ['types'],
  ['lib/values'],
  ['lib/errors.ts', 'lib/check.ts'],
  ['lib/time'],
  ['lib/clients', 'lib/heartbeat'],
  ['lib/checks'],
  ['lib/config'],
  ['lib/engine'],
  ['lib/fleet'],
  ['lib/renderers'],
  ['lib/http'],
  ['lib/create-health.ts', 'lib/plugin.ts', 'lib/grpc.ts', 'lib/kit.ts', 'lib/opentelemetry.ts', 'lib/prometheus.ts', 'lib/index.ts'],
  ['lib/manifests', 'lib/cli'],
]

const pathOf = places => `^(?:${places.map(place => place.replace('.', '\\.')).join('|')})(?:$|/)`

/** @type {import('dependency-cruiser').IConfiguration} */
export default {
  forbidden: [
    { name: 'no-circle', comment: 'Two files that import each other cannot be read one by one.', severity: 'error', from: {}, to: { circular: true } },
    ...rooms.map((places, index) => ({
      name: `nothing-above-${places.at(-1)}`,
      comment: 'Imports run one way: move what is shared down, or the file up.',
      severity: 'error',
      from: { path: pathOf(places) },
      to: { path: rooms.slice(index + 1).map(pathOf) },
    })).slice(0, -1),
    {
      name: 'config-knows-the-list-of-checks-only',
      comment: 'Checks are loaded by their specifier, through lib/checks/index.ts.',
      severity: 'error',
      from: { path: '^lib/(?!checks/)' },
      to: { path: '^lib/checks/(?!index\\.ts$)' },
    },
    { name: 'every-file-has-a-room', comment: 'Add its room to the list in .dependency-cruiser.js.', severity: 'error', from: { path: '^lib/', pathNot: rooms.map(pathOf) }, to: {} },
  ],
  options: {
    tsPreCompilationDeps: true,
    exclude: { path: '\\.tst\\.ts$' },
    tsConfig: { fileName: 'tsconfig.json' },
    doNotFollow: { path: 'node_modules' },
  },
}

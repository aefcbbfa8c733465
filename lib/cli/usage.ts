/** The text of `fastify-health --help`. */
export const usage = `Usage:
  fastify-health --subset <name> [options]    asks the checks of a subset
  fastify-health check [options]              looks for faults of the configuration
  fastify-health init                         writes a health.config.js for what the package.json depends on
  fastify-health serve --port <port>          serves the probes of a process that serves none, until SIGTERM
  fastify-health fleet [options]              prints what the instances of the fleet know of each other
  fastify-health mute <check> -s <name> --for <time> --because <why>
                                              keeps a check from failing its subset, at every instance of the fleet
  fastify-health unmute <check> -s <name>     ends that
  fastify-health manifest <target> [options]  prints a manifest: kubernetes, docker, haproxy, prometheus

Options:
  -s, --subset <name>    the subset to ask
      --config <file>    a module that exports the plugin's options, or JSON (default: health.config.{js,mjs,ts})
      --app <file>       a module that exports a Fastify plugin which registers fastify-health
      --skip-checks      leaves the system checks out
      --format <format>  plain (default), json, html, health+json, openmetrics, nagios
      --timeout <ms>     how long the whole command may take
      --for <time>       of mute: until it ends by itself, such as 90s, 30m, 2h or 1d
      --because <why>    of mute: why
      --by <who>         of mute: who
      --kind <kind>      of a manifest: web (default) or worker, which serves no HTTP
      --name <name>      of a manifest: the service's (default: that of the package.json beside it)
      --port <port>      of serve: where to listen; of a manifest: where the service listens for its probes (default:
                         that of its listener, or 3000); a worker that has one is asked over HTTP
      --grpc             of a manifest: probes of gRPC, for kubernetes (default port: 50051)
      --host <host>      of serve: the address to listen at (default: 0.0.0.0)
      --node <path>      of a manifest: Node.js in the image, such as /nodejs/bin/node where there is no shell
  -h, --help
  -v, --version

Exit status: 0 healthy, 1 unhealthy, 2 could not ask; of nagios: 0 ok, 1 warning, 2 critical, 3 unknown.
`

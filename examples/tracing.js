// A service whose own requests are traced, and whose probes are not. `node --import ./examples/tracing.js app.js` loads it first.
import { HttpInstrumentation } from '@opentelemetry/instrumentation-http'
import { registerInstrumentations } from '@opentelemetry/instrumentation'
import { ConsoleSpanExporter, NodeTracerProvider, SimpleSpanProcessor } from '@opentelemetry/sdk-trace-node'

new NodeTracerProvider({ spanProcessors: [new SimpleSpanProcessor(new ConsoleSpanExporter())] }).register()

registerInstrumentations({
  instrumentations: [
    new HttpInstrumentation({
      // Neither a probe's request nor what its checks ask is traced.
      ignoreIncomingRequestHook: request => request.url.startsWith('/healthcheck/'),
      // A check with an `interval` runs outside any request: what it asks would start a trace each time.
      requireParentforOutgoingSpans: true,
    }),
  ],
})

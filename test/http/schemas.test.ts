import { test } from 'tap'
import { anyStatuses, bodySchema, healthReport, formatQuery, statusesSchema, anyText } from '../../lib/http/schemas.js'

test('every format has a schema: json the one of its subset, texts the one of a text', async t => {
  const own = statusesSchema(['Database'])
  t.equal(bodySchema('json', own), own)
  t.equal(bodySchema('json'), anyStatuses)
  t.equal(bodySchema('health+json', own), healthReport)
  for (const format of ['html', 'plain', 'openmetrics']) t.equal(bodySchema(format, own), anyText)
})

test('the format of a query is one that exists', async t => {
  t.strictSame(JSON.parse(JSON.stringify(formatQuery)), {
    type: 'object',
    properties: { format: { type: 'string', enum: ['html', 'json', 'plain', 'health+json', 'openmetrics'], description: 'Wins over the Accept header.' } },
  })
})

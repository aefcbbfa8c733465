import { test } from 'tap'
import { smtpRequirements } from '../../lib/clients/smtp.js'

test('a transporter that is given as itself needs no driver and no app', async t => {
  t.strictSame(await smtpRequirements({ transport: { verify: async () => true } }, {} as never), [])
  t.strictSame(await smtpRequirements({ url: 'smtp://shop' }, {} as never), [])
})

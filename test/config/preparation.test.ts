import { test } from 'tap'
import { preparationTime } from '../../lib/config/preparation.js'

test('preparing takes as long as a check may, and never less than the default', async t => {
  t.equal(preparationTime(5000), 5000)
  t.equal(preparationTime(50), 3000)
  t.equal(preparationTime('soon'), 3000, 'where the timeout is no duration, which is a fault of its own')
})

import t from 'tap'
import { workingDirectory } from '../../lib/cli/working-directory.js'

t.test('it is that of the process', async t => {
  t.equal(workingDirectory(), process.cwd())
})

t.test('where it was deleted there is none', async t => {
  t.intercept(process, 'cwd', { value: () => { throw new Error('ENOENT: no such file or directory, uv_cwd') } })
  t.equal(workingDirectory(), undefined)
})

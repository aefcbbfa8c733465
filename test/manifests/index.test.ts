import { test } from 'tap'
import { manifests } from '../../lib/manifests/index.js'
import { everySubset, inputOf } from '../helpers/manifests.js'

test('there is a manifest for every target, and each ends with a line break', async t => {
  const input = await inputOf(everySubset)
  t.strictSame([...manifests.keys()], ['kubernetes', 'docker', 'haproxy', 'prometheus'])
  for (const manifest of manifests.values()) t.match(manifest(input), /[^\n]\n$/)
  t.equal(manifests.get('constructor'), undefined)
})

import { test } from 'tap'
import { parse } from 'yaml'
import { indented, quoted, requestPath } from '../../lib/manifests/quoting.js'

test('whatever text is quoted, YAML reads the same text', t => {
  for (const text of ['', 'plain', 'yes', '1e3', 'a: b # c', '"\'\\', 'line\nbreak\ttab', 'é 🙂', '{{ $labels.x }}', '\u0007\u007f\u2028']) {
    t.equal(parse(`key: ${quoted(text)}`).key, text)
    t.strictSame(parse(`key: ${quoted([text, 'b'])}`).key, [text, 'b'])
  }
  t.end()
})

test('lines are indented by two spaces a level', t => {
  t.strictSame(indented(['a', '  b'], 2), ['    a', '      b'])
  t.end()
})

test('a path holds nothing that a request line or a configuration file would take apart', t => {
  t.equal(requestPath('/health-check_1/~a.b'), '/health-check_1/~a.b')
  t.equal(requestPath('/a"b\'c\\d$e/prüfung/🙂'), '/a%22b%27c%5Cd$e/pr%C3%BCfung/%F0%9F%99%82')
  t.end()
})

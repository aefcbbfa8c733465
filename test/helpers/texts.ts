import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import ts from 'typescript'
import { root } from './example.js'

/** A status, a fault of the configuration, a line of the log, or what the command prints. */
export type TextKind = 'status' | 'fault' | 'log' | 'command'

/** A text that the package can say, as it stands in its source. */
export interface SourceText {
  readonly kind: TextKind
  /** The file below lib/. */
  readonly file: string
  /** With `…` for what is filled in. */
  readonly text: string
}

/** Every text in lib/ that tells a user what is wrong. */
export function textsOfSource (): SourceText[] {
  const files = readdirSync(join(root, 'lib'), { recursive: true, encoding: 'utf8' }).filter(file => file.endsWith('.ts')).sort()
  return files.flatMap(file => textsOf(file, readFileSync(join(root, 'lib', file), 'utf8')))
}

/** Every such text of one file. */
export function textsOf (file: string, source: string): SourceText[] {
  const found: SourceText[] = []
  const tree = ts.createSourceFile(file, source, ts.ScriptTarget.Latest, true)
  function visit (node: ts.Node): void {
    for (const [kind, expression] of toldBy(node, file)) {
      // What has no words of its own comes from elsewhere.
      for (const text of literalsOf(expression)) if (/[a-z]{2}/i.test(text)) found.push({ kind, file, text: text.trim() })
    }
    ts.forEachChild(node, visit)
  }
  visit(tree)
  return found
}

/** What in a text of the source is constant, as a pattern. */
export function patternOf (text: string): RegExp {
  return new RegExp(text.split('…').map(part => part.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&')).join('.*?'))
}

const checkErrors = ['HealthCheckError', 'ServiceReturnedUnexpectedResult', 'ServiceUnavailable', 'ServiceWarning']
const faultMakers = ['fault', 'invalid', 'malformed', 'toFault']
const configurationErrors = ['FST_HEALTH_INVALID_CONFIGURATION', 'FST_HEALTH_USAGE']

function * toldBy (node: ts.Node, file: string): Generator<[TextKind, ts.Expression]> {
  if (ts.isNewExpression(node)) {
    const [first] = node.arguments ?? []
    const name = node.expression.getText()
    if (first === undefined) return
    if (checkErrors.includes(name)) yield ['status', first]
    if (configurationErrors.includes(name) || (name === 'Error' && file.startsWith('cli/'))) yield ['command', first]
  } else if (ts.isCallExpression(node)) {
    const called = node.expression.getText()
    const [first, second] = node.arguments
    if (first === undefined) return
    if (called === 'notRun' || /\bfaults\.add$/.test(called)) yield ['status', first]
    if (called === 'failed' && second !== undefined) yield ['status', second]
    if (faultMakers.includes(called)) yield ['fault', first]
    if (called === 'io.err') yield ['command', first]
    if (/\blog\.(?:info|warn|error)$/.test(called) && second !== undefined) yield ['log', second]
    if (called === 'this.#write') yield ['log', node.arguments.at(-1) as ts.Expression]
  } else if (ts.isObjectLiteralExpression(node)) {
    const properties = new Map(node.properties.filter(ts.isPropertyAssignment).map(({ name, initializer }) => [name.getText(), initializer]))
    const message = properties.get('message')
    if (message !== undefined && properties.has('hint')) yield ['fault', message]
  } else if (ts.isReturnStatement(node) && node.expression !== undefined && isMismatch(node)) {
    yield ['status', node.expression]
  }
}

/** Whether a statement is of a function that tells what is wrong with an answer, if anything: its name ends in `Mismatch`. */
function isMismatch (node: ts.Node): boolean {
  const nearest = ts.findAncestor(node, ts.isFunctionLike)
  return nearest !== undefined && ts.isFunctionDeclaration(nearest) && nearest.name?.text.endsWith('Mismatch') === true
}

function literalsOf (node: ts.Expression): string[] {
  if (ts.isStringLiteralLike(node)) return [node.text]
  if (ts.isTemplateExpression(node)) return [node.head.text + node.templateSpans.map(({ literal }) => `…${literal.text}`).join('')]
  if (ts.isBinaryExpression(node) && node.operatorToken.kind === ts.SyntaxKind.PlusToken) {
    const [before, after] = [literalsOf(node.left), literalsOf(node.right)]
    return before.flatMap(one => after.map(other => one + other))
  }
  if (ts.isConditionalExpression(node)) return [...literalsOf(node.whenTrue), ...literalsOf(node.whenFalse)]
  return []
}

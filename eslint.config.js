import neostandard from 'neostandard'

export default [
  ...neostandard({
    ts: true,
    ignores: neostandard.resolveIgnoresFromGitignore(),
  }),
  {
    files: ['lib/**', 'types/**'],
    ignores: ['**/*.tst.ts'],
    // A literal of a regular expression cannot be broken.
    rules: { 'max-len': ['error', { code: 140, ignoreRegExpLiterals: true }] },
  },
  {
    files: ['lib/checks/**/*.ts', 'lib/clients/**/*.ts'],
    rules: {
      'no-restricted-syntax': ['error', {
        selector: 'PropertyDefinition[static=true][key.name="rules"]:not([value.type="TSSatisfiesExpression"])',
        message: 'End the rules with `satisfies RulesOf<Options>`, so that no option is without a rule.',
      }],
    },
  },
]

import js from '@eslint/js'
import vue from 'eslint-plugin-vue'
import globals from 'globals'
import ts from 'typescript-eslint'

// Foreign text reaches the page as text only. These sinks would turn it into markup or code.
const sinks = ['innerHTML', 'outerHTML', 'insertAdjacentHTML', 'srcdoc', 'document.write']
const forbidden = [
  ...['innerHTML', 'outerHTML', 'srcdoc'].map((property) => ({
    selector: `MemberExpression[property.name='${property}']`,
    message: 'Foreign text is set with textContent only.',
  })),
  ...['insertAdjacentHTML', 'createContextualFragment', 'parseFromString', 'setHTMLUnsafe'].map((name) => ({
    selector: `CallExpression[callee.property.name='${name}']`,
    message: 'No markup from strings.',
  })),
  { selector: "CallExpression[callee.object.name='document'][callee.property.name=/^write/]", message: 'No document.write.' },
  { selector: "CallExpression[callee.property.name='setAttribute'][arguments.0.value='style']", message: 'The policy forbids style attributes; use the CSSOM.' },
]

export default ts.config(
  { ignores: ['dist/', 'node_modules/'] },
  js.configs.recommended,
  ...ts.configs.strict,
  ...vue.configs['flat/recommended'],
  {
    files: ['src/**/*.ts', 'src/**/*.vue', 'test/**/*.ts'],
    languageOptions: { globals: globals.browser, parserOptions: { parser: ts.parser } },
  },
  { files: ['mock/**/*.mjs', 'e2e/**/*.mjs', '*.mjs', '*.js', '*.ts'], languageOptions: { globals: { ...globals.node, ...globals.browser } } },
  {
    rules: {
      'no-eval': 'error',
      'no-implied-eval': 'error',
      'no-new-func': 'error',
      'no-restricted-syntax': ['error', ...forbidden],
      eqeqeq: 'error',
      'no-console': 'error',
      '@typescript-eslint/no-non-null-assertion': 'error',
      '@typescript-eslint/consistent-type-imports': 'error',
      'vue/no-v-html': 'error',
      'vue/no-v-text-v-html-on-component': 'error',
      'vue/no-restricted-html-elements': ['error', 'marquee', 'object', 'embed'],
      'vue/no-restricted-static-attribute': ['error', ...sinks.slice(0, 1).map((key) => ({ key }))],
      'vue/no-template-target-blank': 'error',
      'vue/multi-word-component-names': 'off',
      'vue/max-attributes-per-line': 'off',
      'vue/singleline-html-element-content-newline': 'off',
      'vue/multiline-html-element-content-newline': 'off',
      'vue/html-self-closing': 'off',
      'vue/html-indent': 'off',
      'vue/html-closing-bracket-newline': 'off',
      'vue/first-attribute-linebreak': 'off',
      'vue/require-default-prop': 'off',
      'vue/attributes-order': 'off',
      'vue/one-component-per-file': 'off',
    },
  },
  { files: ['mock/**/*.mjs', 'e2e/**/*.mjs', '*.mjs'], rules: { 'no-console': 'off' } },
)

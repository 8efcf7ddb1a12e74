import js from '@eslint/js';
import importX from 'eslint-plugin-import-x';
import { createTypeScriptImportResolver } from 'eslint-import-resolver-typescript';
import tseslint from 'typescript-eslint';

/** Rooms of the house that a room may import from; its own files are always allowed. */
const server = {
  formats: [],
  linalg: [],
  report: [],
  model: ['formats'],
  runtime: ['protocol'],
  derivatives: ['formats', 'model', 'runtime'],
  inputs: ['formats', 'derivatives', 'runtime'],
  analyses: ['formats', 'model', 'linalg', 'derivatives', 'runtime', 'inputs', 'report'],
};
const serverRooms = Object.keys(server);
const zones = [
  ...serverRooms.map((room) => ({
    target: `./server/${room}`,
    from: './server',
    except: [`./${room}`, ...server[room].map((r) => (r === 'protocol' ? './protocol.ts' : `./${r}`))],
    message: `server/${room} may import only: ${['its own files', ...server[room]].join(', ')}.`,
  })),
  { target: './server', from: './extension', message: 'The server knows nothing of the editor.' },
  { target: './server', from: './webview', message: 'The server does not import the webview; the html renderer embeds its bundle as an asset.' },
  {
    target: './extension',
    from: './server',
    except: ['./protocol.ts', './report'],
    message: 'The extension talks to the engine through server/protocol.ts and the types of server/report.',
  },
  { target: './extension', from: './webview', message: 'The extension and the webview share server/protocol.ts only.' },
  { target: './webview', from: './server', except: ['./protocol.ts', './report'], message: 'The webview imports types of server/report and server/protocol.ts only.' },
  { target: './webview', from: './extension', message: 'The extension and the webview share server/protocol.ts only.' },
];

const noVscode = { paths: [{ name: 'vscode', message: 'Only extension/ knows the editor.' }] };

export default tseslint.config(
  { ignores: ['dist/**', 'dist-test/**', 'node_modules/**', '.vscode-host/**', 'server/linalg/kernel/**', 'samples/**'] },
  js.configs.recommended,
  {
    files: ['**/*.ts'],
    extends: [...tseslint.configs.strictTypeChecked, ...tseslint.configs.stylisticTypeChecked],
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    plugins: { 'import-x': importX },
    settings: { 'import-x/resolver-next': [createTypeScriptImportResolver()] },
    rules: {
      'import-x/no-restricted-paths': ['error', { zones }],
      'import-x/no-cycle': 'error',
      'import-x/no-default-export': 'error',
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true, allowBoolean: true }],
      '@typescript-eslint/no-non-null-assertion': 'error',
      '@typescript-eslint/consistent-type-imports': ['error', { fixStyle: 'inline-type-imports' }],
      '@typescript-eslint/no-confusing-void-expression': ['error', { ignoreArrowShorthand: true }],
      '@typescript-eslint/no-unnecessary-condition': ['error', { allowConstantLoopConditions: true }],
      '@typescript-eslint/unified-signatures': 'off',
      'no-constant-condition': ['error', { checkLoops: false }],
      eqeqeq: 'error',
    },
  },
  { files: ['server/**/*.ts', 'webview/**/*.ts', 'test/unit/**/*.ts'], rules: { 'no-restricted-imports': ['error', noVscode] } },
  {
    files: ['webview/**/*.ts'],
    rules: {
      '@typescript-eslint/no-restricted-imports': [
        'error',
        { patterns: [{ group: ['**/server/**'], allowTypeImports: true, message: 'The webview takes types from the server, no code.' }, { group: ['vscode', 'node:*'], message: 'The webview runs in the browser.' }] },
      ],
    },
  },
  {
    files: ['test/**/*.ts'],
    rules: { '@typescript-eslint/no-unused-expressions': 'off', '@typescript-eslint/no-non-null-assertion': 'off' },
  },
  { files: ['types/**/*.d.ts'], rules: { 'import-x/no-default-export': 'off' } },
  {
    files: ['test/browser/**/*.mjs'],
    languageOptions: { globals: { describe: 'readonly', it: 'readonly', before: 'readonly', after: 'readonly', afterEach: 'readonly' } },
  },
  {
    files: ['**/*.mjs', '**/*.cjs'],
    languageOptions: { globals: { process: 'readonly', console: 'readonly', Buffer: 'readonly', URL: 'readonly', fetch: 'readonly', performance: 'readonly', setTimeout: 'readonly', clearTimeout: 'readonly', setInterval: 'readonly', clearInterval: 'readonly', document: 'readonly', window: 'readonly', require: 'readonly', module: 'readonly', exports: 'readonly', __dirname: 'readonly', TextDecoder: 'readonly', AbortController: 'readonly' } },
  },
);

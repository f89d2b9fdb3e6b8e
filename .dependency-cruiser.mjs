// Who may import whom: each rule is one sentence of docs/architecture.md.
// dependency-cruiser reads .ts with the TypeScript 6 API; beside TypeScript 7 alone it would see nothing and say nothing.
const never = (name, because, from, to) => ({ name, comment: because, severity: 'error', from, to })
/** Tests, contract suites, and the `test-*.ts` that set them up. */
const testFile = '[.](test|contract)[.]ts$|/test-[^/]+[.]ts$'
const plane = 'src/data-plane'
const within = (folder, mayImport) =>
  never(
    `${folder}-imports-only`,
    `${folder}/ may import: ${mayImport.join(', ') || 'nothing'} (and foundation/).`,
    { path: `^${plane}/${folder}/`, pathNot: testFile },
    { path: `^${plane}/`, pathNot: `^${plane}/(${[folder, ...mayImport].join('|')})/` },
  )

export default {
  forbidden: [
    never('no-cycles', 'Two files that import each other are one file.', {}, { circular: true }),
    never(
      'nothing-unresolved',
      'An import that resolves to nothing hides every rule below.',
      {},
      { couldNotResolve: true },
    ),
    never(
      'foundation-is-the-floor',
      'foundation/ imports nothing of ours.',
      { path: '^src/foundation/' },
      { path: '^src/', pathNot: '^src/foundation/' },
    ),
    never(
      'data-plane-knows-bytes',
      'The data plane never learns what ARM is.',
      { path: '^src/data-plane/' },
      { path: '^src/', pathNot: '^src/(data-plane|foundation)/' },
    ),
    within('chunks', []),
    within('disks', []),
    within('nbd', []),
    within('replication', ['chunks']),
    within('blobs', ['chunks', 'disks', 'replication']),
    never(
      'arm-is-handed-its-providers',
      'ARM never imports a provider or the data plane; main.ts hands it the list.',
      { path: '^src/control-plane/arm/' },
      { path: '^src/(control-plane/providers|data-plane)/' },
    ),
    never(
      'operations-resources-and-identity-stand-alone',
      'Durable steps, stored documents and principals know neither HTTP in the dialect of ARM nor each other.',
      { path: '^src/control-plane/(operations|resources|identity)/' },
      { path: '^src/', pathNot: '^src/(control-plane/$1|foundation)/' },
    ),
    never(
      'providers-meet-through-arm',
      'One provider reaches another only by an ARM request.',
      { path: '^src/control-plane/providers/([^/]+)/' },
      { path: '^src/control-plane/providers/', pathNot: '^src/control-plane/providers/$1/' },
    ),
    never(
      'commands-are-clients',
      'The command talks HTTP; beside it only what owns a data folder: configuration, the server, regions, chunks, disk formats.',
      { path: '^src/cli/' },
      { path: '^src/', pathNot: '^src/(cli/|foundation/|data-plane/(chunks|disks|replication)/|(config|main)[.]ts$)' },
    ),
    never(
      'nobody-imports-the-command',
      'The command is an entry point.',
      { path: '^src/', pathNot: '^src/cli/' },
      { path: '^src/cli/' },
    ),
    never(
      'only-entry-points-compose',
      'Nobody but the command and tests imports an entry point.',
      { path: '^src/', pathNot: '^src/cli/|[.]test[.]ts$' },
      { path: '^src/main[.]ts$' },
    ),
    never(
      'only-foundation-opens-a-database',
      'One place knows SQLite.',
      { path: '^src/', pathNot: '^src/foundation/' },
      { path: '^(node:)?sqlite$' },
    ),
    never(
      'tests-are-leaves',
      'Product code never imports a test or a contract.',
      { path: '^src/', pathNot: testFile },
      { path: `${testFile}|^test/` },
    ),
    never(
      'development-tools-stay-out',
      'The server runs without its devDependencies.',
      { path: '^src/', pathNot: testFile },
      { dependencyTypes: ['npm-dev', 'npm-no-pkg', 'npm-unknown'] },
    ),
  ],
  options: {
    tsPreCompilationDeps: true,
    doNotFollow: { path: 'node_modules' },
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: { conditionNames: ['node', 'import', 'types'], exportsFields: ['exports'] },
  },
}

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
    within('native', []),
    within('xml', []),
    within('zstd', []),
    within('chunks', ['native', 'zstd']),
    within('disks', ['native', 'zstd']),
    within('nbd', ['native']),
    within('nodes', ['chunks']),
    within('replication', ['chunks', 'nodes']),
    within('blobs', ['chunks', 'disks', 'replication', 'xml']),
    within('bundles', ['chunks']),
    within('guest-images', ['disks']),
    within('catalog', ['chunks', 'disks', 'replication']),
    within('machines', ['disks', 'nbd', 'xml']),
    never(
      'arm-is-handed-its-providers',
      'ARM never imports a provider or the data plane; main.ts hands it the list.',
      { path: '^src/control-plane/arm/' },
      { path: '^src/(control-plane/providers|data-plane)/' },
    ),
    never(
      'operations-resources-and-identity-stand-alone',
      'Durable steps, stored documents, principals and the activity log know neither HTTP in the dialect of ARM nor each other.',
      { path: '^src/control-plane/(operations|resources|identity|activity)/' },
      { path: '^src/', pathNot: '^src/(control-plane/$1|foundation)/' },
    ),
    never(
      'access-is-asked',
      'Access knows principals, scopes and actions as text; of resources it follows the documents.',
      { path: '^src/control-plane/access/', pathNot: testFile },
      { path: '^src/', pathNot: '^src/(control-plane/(access|resources)|foundation)/' },
    ),
    never(
      'graph-is-about-the-directory',
      'The Graph endpoint knows principals and nothing of resources.',
      { path: '^src/control-plane/graph/' },
      { path: '^src/', pathNot: '^src/(control-plane/(graph|identity)|foundation)/' },
    ),
    never(
      'templates-are-a-language',
      'The language of templates knows no server: what it looks up it is given.',
      { path: '^src/control-plane/templates/' },
      { path: '^src/', pathNot: '^src/(control-plane/(templates|resources)|foundation)/' },
    ),
    never(
      'kql-is-a-language',
      'The language of Resource Graph knows no server: tables are handed in.',
      { path: '^src/control-plane/kql/' },
      { path: '^src/', pathNot: '^src/(control-plane/kql|foundation)/' },
    ),
    never(
      'provenance-stands-alone',
      'Statements and the keys that sign them know neither documents nor servers.',
      { path: '^src/control-plane/provenance/' },
      { path: '^src/', pathNot: '^src/(control-plane/provenance|foundation)/' },
    ),
    never(
      'providers-meet-through-arm',
      'One provider reaches another only by an ARM request.',
      { path: '^src/control-plane/providers/([^/]+)/' },
      { path: '^src/control-plane/providers/', pathNot: '^src/control-plane/providers/$1/' },
    ),
    never(
      'commands-are-clients',
      'The command talks HTTP; beside it only what owns a data folder or a file: configuration, the server, regions, chunks, bundles, disk formats, the chain of an activity log, what anybody can check of a signature.',
      { path: '^src/cli/' },
      {
        path: '^src/',
        pathNot:
          '^src/(cli/|foundation/|control-plane/(activity|provenance)/|data-plane/(bundles|catalog|chunks|disks|guest-images|nodes|replication)/|(config|main|region|region-access)[.]ts$)',
      },
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
      { path: '^src/(main|region)[.]ts$' },
    ),
    never(
      'a-region-runs-alone',
      'A region serves its bytes without a control plane: its process knows none.',
      { path: '^src/region[.]ts$' },
      { path: '^src/', pathNot: '^src/(data-plane|foundation)/' },
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

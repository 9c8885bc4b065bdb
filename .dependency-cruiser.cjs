/** The dependency rule. `npm run lint` and test/architecture both run it. */
const program = '^(issuer|verifier|wallet-cli)/'
const adapter = '\\.(sqlite|postgres|onnx|pkcs11|software|file|memory)\\.ts$'
const main = '(^|/)main\\.ts$'
const only = (technology, suffix, where) => ({
  name: `${suffix.split('.')[1]}-only-in-its-adapters`,
  comment: `Only files named *${suffix} may import ${technology}.`,
  severity: 'error',
  from: { path: where ?? `${program}|^shared/`, pathNot: `${suffix.replace(/\./g, '\\.')}$` },
  to: { path: `(^|/)node_modules/(@types/)?(${technology})(/|$)|^(${technology})$` },
})

module.exports = {
  forbidden: [
    { name: 'no-circular', severity: 'error', from: {}, to: { circular: true } },
    {
      name: 'never-sideways',
      comment: 'A program knows shared/ and itself, never another program.',
      severity: 'error',
      from: { path: program },
      to: { path: program, pathNot: '^$1/' },
    },
    {
      name: 'shared-is-the-bottom',
      severity: 'error',
      from: { path: '^shared/' },
      to: { path: `${program}|^(test|demo|bench|evaluation)/` },
    },
    {
      name: 'adapters-are-chosen-in-main',
      comment: 'x.<technology>.ts implements the port in x.ts; only main.ts (and tests) may pick one.',
      severity: 'error',
      from: { path: `${program}|^shared/`, pathNot: `${main}|${adapter}` },
      to: { path: adapter },
    },
    {
      name: 'one-technology-per-adapter',
      comment: 'An adapter may build on adapters of its own technology only.',
      severity: 'error',
      from: { path: '\\.(sqlite|postgres|onnx|pkcs11|software|file)\\.ts$', pathNot: '^test/' },
      to: { path: adapter, pathNot: '\\.$1\\.ts$' },
    },
    {
      name: 'http-is-the-edge',
      comment: 'Nothing inside calls an endpoint; only main.ts and other endpoints mount one.',
      severity: 'error',
      from: { path: `${program}|^shared/`, pathNot: '(^|/)main\\.ts$|\\.http\\.ts$' },
      to: { path: '\\.http\\.ts$' },
    },
    {
      name: 'decisions-are-pure',
      comment: 'Deciding and accepting do no I/O; a schema library is the one exception.',
      severity: 'error',
      from: { path: '^(issuer/decision|verifier/(policy|acceptance))/', pathNot: '\\.http\\.ts$' },
      to: { path: 'node_modules/|^[^./]+$', pathNot: 'node_modules/zod/|^(shared|issuer|verifier)' },
    },
    {
      name: 'proofs-do-no-io',
      comment: 'What wallet, verifier and auditor all trust computes from its arguments alone.',
      severity: 'error',
      from: { path: '^shared/(sd-jwt|status-list|dcql|jose)/' },
      to: { path: '^(node:)?(fs|net|http|https|http2|tls|dns|child_process|worker_threads)(/|$)|node_modules/(undici|express|better-sqlite3|pg)/' },
    },
    {
      name: 'crypto-is-injected',
      comment: 'Randomness comes from a Random, private keys live behind a Signer; verifying and hashing go through shared/key/ and shared/hash.ts.',
      severity: 'error',
      from: { path: `${program}|^shared/`, pathNot: '^shared/(random|hash)\\.ts$|^shared/(key|jose|trust|sd-jwt|audit)/|^issuer/evidence/supply/|\\.(software|pkcs11|file)\\.ts$' },
      to: { path: '^crypto$', dependencyTypes: ['core'] },
    },
    only('better-sqlite3', '.sqlite.ts'),
    only('pg', '.postgres.ts'),
    only('onnxruntime-node', '.onnx.ts'),
    only('sharp', '.sharp.ts'),
    only('@veramo/[^/]+', '.veramo.ts'),
    only('@sphereon/[^/]+', '.sphereon.ts'),
    {
      name: 'prom-client-only-in-metrics',
      comment: 'Programs know Metrics, not the library behind it.',
      severity: 'error',
      from: { pathNot: '^shared/observe/metrics\\.ts$' },
      to: { path: '(^|/)node_modules/prom-client/' },
    },
    only('express', '.http.ts', `${program}|^shared/`),
    only('oidc-provider', '.oidc.ts'),
    {
      name: 'audit-sees-public-artefacts',
      comment: 'The auditor reads what anyone can fetch; it knows no other part of a program.',
      severity: 'error',
      from: { path: '^verifier/audit/' },
      to: { path: '^(verifier/(?!audit/)|issuer/|wallet-cli/)' },
    },
    {
      name: 'demo-uses-programs-only',
      comment: 'The demo drives the programs and their endpoints, never a function of theirs; specimens come by the same supply as models.',
      severity: 'error',
      from: { path: '^demo/' },
      to: { path: program, pathNot: '^issuer/evidence/(model-supply\\.ts$|supply/)' },
    },
    { name: 'not-to-test', severity: 'error', from: { pathNot: '^test/' }, to: { path: '^test/' } },
    { name: 'no-dev-dependency', severity: 'error', from: { path: `${program}|^shared/` }, to: { dependencyTypes: ['npm-dev'], dependencyTypesNot: ['type-only', 'npm'] } },
    { name: 'not-unresolvable', severity: 'error', from: {}, to: { couldNotResolve: true } },
  ],
  options: {
    tsConfig: { fileName: 'tsconfig.json' },
    tsPreCompilationDeps: true,
    doNotFollow: { path: 'node_modules' },
    enhancedResolveOptions: { exportsFields: ['exports'], conditionNames: ['import', 'node', 'default'] },
    exclude: { path: '^dist/' },
  },
}

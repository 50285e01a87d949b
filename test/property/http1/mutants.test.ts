// Whether the suites notice: each mutant is a small mistake in a copy of the codec, and the tests named beside it must fail for it.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { cp, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { pathToFileURL } from 'node:url';
import { after, before, describe, test } from 'node:test';

interface Mutant {
  /** The mistake. */
  readonly name: string;
  /** In src/dataplane/codec/http1/. */
  readonly file: string;
  readonly find: string;
  readonly replace: string;
  /** Test file, and the beginning of the names of its tests that must notice. */
  readonly suite: readonly [file: string, names: string];
}

const INTEGRATION = 'test/integration/http1';
const FRAMING = `${INTEGRATION}/request-framing.test.ts`;
const SYNTAX = `${INTEGRATION}/head-syntax.test.ts`;
const FLOW = `${INTEGRATION}/message-flow.test.ts`;
const RESPONSES = `${INTEGRATION}/response-framing.test.ts`;
const FIELDS = `${INTEGRATION}/forwarding-fields.test.ts`;
const HOSTS = `${INTEGRATION}/host.test.ts`;
const LIMITS = `${INTEGRATION}/resource-limits.test.ts`;
const INSERTION = 'test/property/http1/byte-insertion.test.ts';
const MUTATION = 'test/property/http1/mutation.test.ts';
const SPLIT = 'test/property/http1/split.test.ts';

const MUTANTS: readonly Mutant[] = [
  {
    name: 'NUL is taken in values',
    file: 'character.ts',
    find: 'byte === TAB || (byte >= SP && byte !== 0x7f)',
    replace: 'byte === 0 || byte === TAB || (byte >= SP && byte !== 0x7f)',
    suite: [SYNTAX, 'F13'],
  },
  {
    name: 'DEL is taken in values, which only the differential sends',
    file: 'character.ts',
    find: '(byte >= SP && byte !== 0x7f)',
    replace: '(byte >= SP)',
    suite: [INSERTION, 'inserted'],
  },
  {
    name: 'methods may be lower-case',
    file: 'character.ts',
    find: '/[A-Z0-9_-]/',
    replace: '/[A-Za-z0-9_-]/',
    suite: [SYNTAX, 'F17'],
  },
  {
    name: '# is taken in targets',
    file: 'character.ts',
    find: 'byte > SP && byte < 0x7f && byte !== 0x23',
    replace: 'byte > SP && byte < 0x7f',
    suite: [INSERTION, 'inserted'],
  },
  {
    name: 'both lengths are taken',
    file: 'field-section.ts',
    find: 'if (this.isChunked && this.contentLength !== -1) return BOTH_LENGTHS;',
    replace: '',
    suite: [FRAMING, 'F01'],
  },
  {
    name: 'both lengths are taken, seen by the differential',
    file: 'field-section.ts',
    find: 'if (this.isChunked && this.contentLength !== -1) return BOTH_LENGTHS;',
    replace: '',
    suite: [MUTATION, 'pairs'],
  },
  {
    name: 'the last of several lengths wins',
    file: 'field-section.ts',
    find: 'if (this.contentLength !== -1) return SEVERAL_LENGTHS;',
    replace: '',
    suite: [FRAMING, 'F02'],
  },
  {
    name: 'signs and commas are digits of a length',
    file: 'field-section.ts',
    find: 'if (digit < 0 || digit > 9)',
    replace: 'if (digit > 9)',
    suite: [FRAMING, 'F02'],
  },
  {
    name: 'a coding that contains chunked is chunked',
    file: 'field-section.ts',
    find: "if (coding === 'chunked')",
    replace: "if (coding.includes('chunked'))",
    suite: [FRAMING, 'F06'],
  },
  {
    name: 'a repeated coding is taken',
    file: 'field-section.ts',
    find: 'if (++this.#transferCodings > 1) return INVALID_TRANSFER_CODING;',
    replace: '',
    suite: [FRAMING, 'F06'],
  },
  {
    name: 'blanks before a colon are skipped',
    file: 'field-section.ts',
    find: 'if (position === nameStart || text.charCodeAt(position) !== COLON) return INVALID_NAME;',
    replace:
      'while (isBlank(text.charCodeAt(position))) position++;\n      if (position === nameStart || text.charCodeAt(position) !== COLON) return INVALID_NAME;',
    suite: [SYNTAX, 'F13'],
  },
  {
    name: 'Connection may drop what later hops rely on',
    file: 'field-section.ts',
    find: '&& !isProtected(name)',
    replace: '',
    suite: [FIELDS, 'I08'],
  },
  {
    name: 'names may hold an underscore',
    file: 'request-head.ts',
    find: 'allowUnderscore: this.#limits.allowUnderscore',
    replace: 'allowUnderscore: true',
    suite: [FIELDS, 'I07'],
  },
  {
    name: 'the last of several hosts wins',
    file: 'request-head.ts',
    find: 'if (section.hosts > 1) return SEVERAL_HOSTS;',
    replace: '',
    suite: [HOSTS, 'I01'],
  },
  {
    name: 'HTTP/1.0 may be chunked',
    file: 'request-head.ts',
    find: 'if (this.isHttp10) return CHUNKED_HTTP10;',
    replace: '',
    suite: [FRAMING, 'F08'],
  },
  {
    name: 'any version is taken',
    file: 'request-head.ts',
    find: "if (version !== 'HTTP/1.1' && version !== 'HTTP/1.0') return UNSUPPORTED_VERSION;",
    replace: '',
    suite: [SYNTAX, 'F16'],
  },
  {
    name: 'an upgrade may have a body',
    file: 'request-head.ts',
    find: 'if (this.bodyLength !== 0) return UPGRADE_WITH_BODY;',
    replace: '',
    suite: [FLOW, 'F20'],
  },
  {
    name: 'a chunk size may end in a bare CR',
    file: 'body-decoder.ts',
    find: 'if (byte !== LF) return this.#fail(CHUNK_SIZE, position);',
    replace: '',
    suite: [FRAMING, 'F09'],
  },
  {
    name: 'any byte may follow a chunk',
    file: 'body-decoder.ts',
    find: 'if (byte !== CR) return this.#fail(CHUNK_END, position);',
    replace: '',
    suite: [FRAMING, 'F09'],
  },
  {
    name: 'any byte may follow a chunk, seen by the differential',
    file: 'body-decoder.ts',
    find: 'if (byte !== CR) return this.#fail(CHUNK_END, position);',
    replace: '',
    suite: [INSERTION, 'in the place'],
  },
  {
    name: 'a chunk size may overflow',
    file: 'body-decoder.ts',
    find: 'const MAX_CHUNK_SIZE_DIGITS = 12;',
    replace: 'const MAX_CHUNK_SIZE_DIGITS = 64;',
    suite: [FRAMING, 'F09'],
  },
  {
    name: 'chunk extensions are not limited',
    file: 'body-decoder.ts',
    find: 'MAX_CHUNK_EXTENSION_BYTES: number = 16 * 1024',
    replace: 'MAX_CHUNK_EXTENSION_BYTES: number = 16 * 1024 * 1024',
    suite: [FRAMING, 'F10'],
  },
  {
    name: 'a chunk extension may hold a line feed',
    file: 'body-decoder.ts',
    find: 'else if (FIELD_VALUE[byte] !== 1) return',
    replace: 'else if (FIELD_VALUE[byte] !== 1 && byte !== LF) return',
    suite: [FRAMING, 'F09'],
  },
  {
    name: 'all trailers are forwarded',
    file: 'field-role.ts',
    find: 'export function isForbiddenTrailer(name: string): boolean {',
    replace: 'export function isForbiddenTrailer(name: string): boolean {\n  if (name.length > 0) return false;',
    suite: [FRAMING, 'F11'],
  },
  {
    name: 'the length that is forwarded is one too large',
    file: 'head-text.ts',
    find: 'text += `content-length: ${length}\\r\\n`',
    replace: 'text += `content-length: ${length + 1}\\r\\n`',
    suite: [FRAMING, 'F12'],
  },
  {
    name: 'a connection goes on after a request that was not read to its end',
    file: 'server-connection.ts',
    find: 'if (!exchange.isRequestComplete || !exchange.keepsAlive',
    replace: 'if (exchange.isRequestComplete && !exchange.keepsAlive',
    suite: [FLOW, 'F23'],
  },
  {
    name: 'a connection goes on after a refusal',
    file: 'server-connection.ts',
    find: 'this.#unparsed = undefined;\n    const exchange = new Http1Exchange(this, this.#parser);\n    exchange.keepsAlive = false;',
    replace:
      'const exchange = new Http1Exchange(this, this.#parser);\n    exchange.isRequestComplete = true;\n    exchange.keepsAlive = true;',
    suite: [SYNTAX, 'F17'],
  },
  {
    name: 'a head that is cut in pieces is read from its last piece',
    file: 'server-connection.ts',
    find: "buffer.indexOf('\\r\\n\\r\\n', Math.max(0, this.#scanned - 3))",
    replace: "buffer.indexOf('\\r\\n\\r\\n', this.#scanned)",
    suite: [SPLIT, 'requests'],
  },
  {
    name: 'a response head that is cut in pieces is read from its last piece',
    file: 'client-connection.ts',
    find: "buffer.indexOf('\\r\\n\\r\\n', Math.max(0, this.#scanned - 3))",
    replace: "buffer.indexOf('\\r\\n\\r\\n', this.#scanned)",
    suite: [SPLIT, 'responses'],
  },
  {
    name: 'a head has no limit',
    file: 'server-connection.ts',
    find: 'if (buffer.length > maxHeadBytes) {',
    replace: 'if (buffer.length > 1e9) {',
    suite: [LIMITS, 'F25'],
  },
  {
    name: 'an idle upstream connection may speak',
    file: 'client-connection.ts',
    find: "// An answer that nobody asked for would be taken for the next request's.\n        this.destroy();",
    replace: '',
    suite: [RESPONSES, 'F22 bytes'],
  },
  {
    name: 'bytes behind a response do not end the connection',
    file: 'client-connection.ts',
    find: 'this.#isRequestComplete && this.#unparsed === undefined && !this.socket.destroyed',
    replace: 'this.#isRequestComplete && !this.socket.destroyed',
    suite: [RESPONSES, 'F22 bytes'],
  },
  {
    name: 'a connection is used again although its request was not sent to the end',
    file: 'client-connection.ts',
    find: 'this.#keepsAlive && this.#isRequestComplete &&',
    replace: 'this.#keepsAlive &&',
    suite: [FLOW, 'F23'],
  },
  {
    name: 'a response whose chunks break is taken for complete',
    file: 'client-connection.ts',
    find: "this.#fail('upstream_protocol_error', decoder.problem.message);",
    replace: 'this.#finish();',
    suite: [INSERTION, 'inserted into responses'],
  },
  {
    name: 'interim responses are not counted',
    file: 'client-connection.ts',
    find: 'const MAX_INFORMATIONAL = 16;',
    replace: 'const MAX_INFORMATIONAL = 1e9;',
    suite: [RESPONSES, 'F22 responses'],
  },
  {
    name: 'a response to HEAD has a body',
    file: 'response-head.ts',
    find: "method === 'HEAD' || ",
    replace: '',
    suite: [RESPONSES, 'F22 bytes'],
  },
  {
    name: 'a chunked response that ends early is complete for the client',
    file: 'server-exchange.ts',
    find: 'this.isResponseComplete = true;\n    this.#connection.reset();',
    replace: 'this.endResponse();',
    suite: [RESPONSES, 'F22 chunked'],
  },
];

/** A mutant whose tests hang is caught; this is how long they may. */
const TIME_LIMIT_MS = 20_000;
const AT_ONCE = 2;
/** Passes for every mutant: a copy that does not even load would fail all tests and prove nothing. */
const SMOKE = `${INTEGRATION}/smoke.test.ts`;

describe('mutants of the HTTP/1.1 codec', { concurrency: AT_ONCE }, () => {
  let directory: string;
  before(async () => {
    directory = await mkdtemp(join(tmpdir(), 'sluice-mutants-'));
    await symlink(resolve('node_modules'), join(directory, 'node_modules'));
    await writeFile(join(directory, 'package.json'), '{"type":"module"}');
  });
  after(() => rm(directory, { recursive: true }));

  for (const [index, mutant] of MUTANTS.entries()) {
    test(mutant.name, async () => {
      const source = join(directory, `${index}`);
      await cp('src', source, { recursive: true });
      const path = join(source, 'dataplane/codec/http1', mutant.file);
      const text = await readFile(path, 'utf8');
      assert.equal(text.split(mutant.find).length, 2, `${mutant.file} holds the text to replace once`);
      await writeFile(
        path,
        text.replace(mutant.find, () => mutant.replace),
      );
      const { worksAtAll, isCaught, output } = await run(source, mutant.suite);
      assert.ok(worksAtAll, `nothing works any more:\n${output}`);
      assert.ok(isCaught, `no test noticed:\n${output}`);
    });
  }
});

interface Verdict {
  readonly worksAtAll: boolean;
  readonly isCaught: boolean;
  readonly output: string;
}

/** Runs the smoke test, then the suite until its first failure. */
async function run(source: string, [file, names]: Mutant['suite']): Promise<Verdict> {
  const { NODE_TEST_CONTEXT: _, ...inherited } = process.env;
  const env = { ...inherited, SLUICE_TEST_SOURCE: source, SLUICE_TEST_BOUND_MS: '1000', SLUICE_TEST_DEPTH: 'quick' };
  const entry = join(source, 'mutant.test.ts');
  await writeFile(
    entry,
    [SMOKE, file].map((path) => `await import(${JSON.stringify(pathToFileURL(path))});\n`).join(''),
  );
  const patterns = ['smoke', names].map((start) => `--test-name-pattern=^${start}`);
  const args = ['--test-reporter=tap', ...patterns, entry];
  const child = spawn(process.execPath, args, { env, stdio: ['ignore', 'pipe', 'inherit'], timeout: TIME_LIMIT_MS });
  const lines: string[] = [];
  let worksAtAll = false;
  let isCaught = false;
  for await (const line of createInterface({ input: child.stdout })) {
    lines.push(line);
    if (/^ *ok .*- smoke/.test(line)) worksAtAll = true;
    if (/^ *not ok /.test(line)) {
      isCaught = true;
      child.kill('SIGKILL');
    }
  }
  // No summary and no failure: it hung.
  isCaught ||= !lines.some((line) => line.startsWith('# fail 0'));
  return { worksAtAll, isCaught, output: lines.slice(-100).join('\n') };
}

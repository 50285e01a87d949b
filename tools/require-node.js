// Runs before every npm script, also by an old Node: one clear line instead of a syntax error further on.
import { readFileSync } from 'node:fs';

const { engines } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8'));
const wanted = Number.parseInt(engines.node.replace(/\D+/, ''), 10);
if (Number.parseInt(process.versions.node, 10) < wanted) {
  console.error(
    `Sluice needs Node ${wanted} or newer, this is ${process.version}: \`npm ci\` brings one on Linux x64, elsewhere install it.`,
  );
  process.exit(1);
}

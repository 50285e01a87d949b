#!/usr/bin/env node
// Starts Sluice: from source in a checkout (Node strips the types), from dist/ where the package was published.
import { existsSync } from 'node:fs';

const MIN_NODE = 24;
if (Number.parseInt(process.versions.node, 10) < MIN_NODE) {
  console.error(`sluice: this is Node ${process.versions.node}; it takes Node ${MIN_NODE} or newer`);
  process.exit(1);
}

const source = new URL('../src/main.ts', import.meta.url);
const built = new URL('../dist/main.js', import.meta.url);
await import((existsSync(source) ? source : built).href);

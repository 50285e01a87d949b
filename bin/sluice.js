#!/usr/bin/env node
// Starts Sluice: from source in a checkout (Node strips the types), from dist/ where the package was published.
import { existsSync } from 'node:fs';

const source = new URL('../src/main.ts', import.meta.url);
const built = new URL('../dist/main.js', import.meta.url);
await import((existsSync(source) ? source : built).href);

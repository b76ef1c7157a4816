/** Runs in every worker before its tests: all of them must run on the Node that the programs run on. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';

const pinned = readFileSync(new URL('../.node-version', import.meta.url), 'utf8').trim();
assert.equal(process.versions.node, pinned, 'tests run on another Node than the pinned one: start them with npm test');

import {resolve} from 'node:path';
import type {NextConfig} from 'next';

// The package is a link to node/ here, so what Next may read begins at the root of the repository.
const root = resolve('../../../..');

export default {turbopack: {root}, outputFileTracingRoot: root} satisfies NextConfig;

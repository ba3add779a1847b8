import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    projects: [
      {
        // Modules alone or a few with real sockets on loopback; needs no privileges.
        test: {
          name: 'unit',
          include: ['**/*.test.ts'],
          exclude: ['**/node_modules/**', '.cache/**', '**/*.netns.test.ts', '**/*.container.test.ts'],
          testTimeout: 20_000,
          // All cores: tests wait a good deal.
          maxWorkers: '100%',
          // Files share their workers' modules: a third of the time would go into loading them again.
          isolate: false,
        },
      },
      {
        // One package against the real kernel, in network namespaces of its own; needs root.
        test: {
          name: 'netns',
          include: ['packages/**/*.netns.test.ts'],
          // All cores, as above: each file has namespaces of its own.
          maxWorkers: '100%',
          testTimeout: 60_000,
          hookTimeout: 60_000,
        },
      },
      {
        // With container runtimes: the images in podman, pods of containerd; needs root, and what setup/tools.mjs lists.
        test: {
          name: 'container',
          include: ['container/*.e2e.ts', 'packages/**/*.container.test.ts'],
          testTimeout: 120_000,
        },
      },
      {
        // The whole mesh in a lab, black box; needs root.
        test: {
          name: 'e2e',
          include: ['e2e/scenarios/*.e2e.ts'],
          testTimeout: 120_000,
          hookTimeout: 120_000,
          // Each file has a lab of its own, and waits a good deal.
          maxWorkers: 2,
        },
      },
    ],
  },
})

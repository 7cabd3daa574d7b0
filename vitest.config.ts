import { defineConfig } from "vitest/config";

const conditions = ["rollcall-source", "node"];

export default defineConfig({
  test: {
    projects: [
      {
        ssr: { resolve: { conditions } },
        resolve: { conditions },
        test: { name: "unit", include: ["apps/**/*.test.ts"], testTimeout: 20_000 },
      },
      {
        ssr: { resolve: { conditions } },
        resolve: { conditions },
        test: {
          name: "house",
          include: ["test/**/*.test.ts"],
          globalSetup: ["test/harness/global-setup.ts"],
          testTimeout: 60_000,
          hookTimeout: 60_000,
        },
      },
    ],
    maxWorkers: 2,
    reporters: ["default"],
  },
});

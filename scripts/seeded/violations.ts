import type { Copy } from "./copy.ts";

export type Violation = {
  readonly name: string;
  /** The check that must fail, and what it must say. */
  readonly check: string;
  readonly says: RegExp;
  readonly plant: (copy: Copy) => void;
};

const lines = (count: number, line: (index: number) => string): string =>
  Array.from({ length: count }, (_, index) => line(index)).join("\n");

function lint(name: string, file: string, rule: string, text: string): Violation {
  return { name, check: "lint", says: ruleBroken(rule, file), plant: (copy) => copy.write(file, `${text}\n`) };
}

function ruleBroken(rule: string, file: string): RegExp {
  return new RegExp(`^\\s*${file.replaceAll(".", "\\.")}:.*\\(${rule}\\)`, "m");
}

const inCode: readonly Violation[] = [
  lint(
    "a promise nobody waits for",
    "apps/worker/src/planted.ts",
    "no-floating-promises",
    "export async function give(): Promise<void> {}\ngive();",
  ),
  lint(
    "a promise where a boolean is expected",
    "apps/worker/src/planted.ts",
    "no-misused-promises",
    'export async function isDue(): Promise<boolean> {\n  return true;\n}\nexport const due = (): string => (isDue() ? "yes" : "no");',
  ),
  lint(
    "a switch that forgets a kind",
    "apps/worker/src/planted.ts",
    "switch-exhaustiveness-check",
    'export function cost(kind: "join" | "leave"): number {\n  switch (kind) {\n    case "join":\n      return 1;\n  }\n  return 0;\n}',
  ),
  lint("any", "apps/worker/src/planted.ts", "no-explicit-any", "export const anything: any = 1;"),
  lint(
    "the environment read outside config.ts",
    "apps/worker/src/planted.ts",
    "no-process-env",
    'export const level = process.env["LOG_LEVEL"];',
  ),
  lint("a default export", "apps/worker/src/planted.ts", "no-default-export", "export default 1;"),
  lint(
    "SQL built from strings",
    "apps/worker/src/planted.ts",
    "no-restricted-properties",
    'export const count = (prisma: { $queryRawUnsafe(text: string): number }): number => prisma.$queryRawUnsafe("SELECT 1");',
  ),
  lint(
    "a file of 301 lines",
    "apps/worker/src/planted.ts",
    "max-lines",
    lines(301, (index) => `export const line${index} = ${index};`),
  ),
  lint(
    "a function of 61 lines",
    "apps/worker/src/planted.ts",
    "max-lines-per-function",
    `export function long(count: number): number {\n${lines(59, () => "  count += 1;")}\n  return count;\n}`,
  ),
  {
    name: "two files that import each other",
    check: "lint",
    says: ruleBroken("no-cycle", "apps/worker/src/planted.ts"),
    plant: (copy) => {
      copy.write(
        "apps/worker/src/planted.ts",
        'import { two } from "./planted-too.ts";\nexport const one = (): number => two();\n',
      );
      copy.write(
        "apps/worker/src/planted-too.ts",
        'import { one } from "./planted.ts";\nexport const two = (): number => one();\n',
      );
    },
  },
];

const inRooms: readonly Violation[] = [
  lint(
    "a room of the house in the pages that browsers get",
    "apps/console/web/src/planted.ts",
    "no-restricted-imports",
    'import { connectionKinds } from "@rollcall/core/domain";\nexport const kinds = connectionKinds;',
  ),
  lint(
    "the store in the domain",
    "apps/core/src/domain/planted.ts",
    "no-restricted-imports",
    'import { sql } from "../store/index.ts";\nexport const now = sql`SELECT now()`;',
  ),
  lint(
    "a package in the domain",
    "apps/core/src/domain/planted.ts",
    "no-restricted-imports",
    'import { z } from "zod";\nexport const name = z.string();',
  ),
  lint(
    "a clock in the domain",
    "apps/core/src/domain/planted.ts",
    "no-restricted-properties",
    "export const now = (): number => Date.now();",
  ),
  lint(
    "the queue in the store",
    "apps/core/src/store/planted.ts",
    "no-restricted-imports",
    'import { createWaker } from "../queue/index.ts";\nexport const waker = createWaker;',
  ),
  lint(
    "a room entered past its door",
    "apps/core/src/store/planted.ts",
    "no-restricted-imports",
    'import { isId } from "../domain/identifier.ts";\nexport const known = isId;',
  ),
  lint(
    "pg outside the store",
    "apps/worker/src/planted.ts",
    "no-restricted-imports",
    'import { Pool } from "pg";\nexport const pool = new Pool();',
  ),
  lint(
    "BullMQ outside the queue",
    "apps/worker/src/planted.ts",
    "no-restricted-imports",
    'import { Queue } from "bullmq";\nexport const queue = new Queue("lifecycle");',
  ),
  lint(
    "LDAP outside the providers",
    "apps/reconciler/src/planted.ts",
    "no-restricted-imports",
    'import { Client } from "ldapts";\nexport const client = new Client({ url: "ldaps://ldap.example" });',
  ),
  lint(
    "pino outside the runtime",
    "apps/worker/src/planted.ts",
    "no-restricted-imports",
    'import { pino } from "pino";\nexport const log = pino();',
  ),
  lint(
    "a second package in the guard",
    "apps/guard/src/planted.ts",
    "no-restricted-imports",
    'import { z } from "zod";\nexport const name = z.string();',
  ),
  {
    name: "an app that imports an app",
    check: "boundaries",
    says: /`@rollcall\/ingest` found without any tag/,
    plant: (copy) => {
      depend(copy, "worker", "ingest");
      copy.write(
        "apps/worker/src/planted.ts",
        'import { ingestRoutes } from "@rollcall/ingest";\nexport const routes = ingestRoutes;\n',
      );
    },
  },
  {
    name: "an app that reaches into an app",
    check: "boundaries",
    says: /ingest\/src\/ingest-routes\.ts.* leaves the package/,
    plant: (copy) =>
      copy.write(
        "apps/worker/src/planted.ts",
        'import { ingestRoutes } from "../../ingest/src/ingest-routes.ts";\nexport const routes = ingestRoutes;\n',
      ),
  },
  {
    name: "core that imports the guard",
    check: "boundaries",
    says: /`@rollcall\/guard` found with tag listed in denylist/,
    plant: (copy) => {
      depend(copy, "core", "guard");
      copy.write(
        "apps/core/src/store/planted.ts",
        'import { createGuard } from "@rollcall/guard";\nexport const guard = createGuard;\n',
      );
    },
  },
];

const inTheHouse: readonly Violation[] = [
  {
    name: "a type error",
    check: "types",
    says: /planted\.ts.*TS2322/,
    plant: (copy) => copy.write("apps/worker/src/planted.ts", 'export const count: number = "one";\n'),
  },
  {
    name: "an error code without an answer",
    check: "types",
    says: /error TS(1360|2741)/,
    plant: (copy) => copy.edit("apps/core/src/domain/directory-error.ts", addErrorCode),
  },
  {
    name: "an export nobody uses",
    check: "unused",
    says: /forgotten.*apps\/worker\/src\/sweep\.ts/,
    plant: (copy) => copy.edit("apps/worker/src/sweep.ts", (text) => `${text}\nexport const forgotten = 1;\n`),
  },
  {
    name: "a file nobody imports",
    check: "unused",
    says: /apps\/worker\/src\/planted\.ts/,
    plant: (copy) => copy.write("apps/worker/src/planted.ts", "export const forgotten = 1;\n"),
  },
  {
    name: "an unformatted file",
    check: "format",
    says: /apps\/worker\/src\/planted\.ts/,
    plant: (copy) => copy.write("apps/worker/src/planted.ts", "export const  one   = 1\n"),
  },
  {
    name: "a setting missing in .env.example",
    check: "settings",
    says: /lacks FEED_KEYS/,
    plant: (copy) => copy.edit(".env.example", (text) => text.replace(/^FEED_KEYS=.*\n/m, "")),
  },
  {
    name: "a mutant that its page does not list",
    check: "mutants",
    says: /it lacks no fence/,
    plant: (copy) => copy.edit("docs/mutants.md", (text) => text.replace(/^\| no fence \|.*\n/m, "")),
  },
  {
    name: "a cause that its page does not list",
    check: "explain",
    says: /it lacks drift/,
    plant: (copy) => copy.edit("docs/explain.md", (text) => text.replace(/^\| `drift` \|.*\n/m, "")),
  },
  {
    name: "a script that README invents",
    check: "readme",
    says: /no script "fly"/,
    plant: (copy) => copy.edit("README.md", (text) => `${text}\n\`\`\`sh\nnpm run fly\n\`\`\`\n`),
  },
  {
    name: "a command that README invents",
    check: "readme",
    says: /no command "fly"/,
    plant: (copy) => copy.edit("README.md", (text) => `${text}\n\`\`\`sh\nnpm run rollcall -- fly\n\`\`\`\n`),
  },
  {
    name: "a schema change without a migration",
    check: "migrations",
    says: /"planted" TEXT/,
    plant: (copy) =>
      copy.edit("prisma/schema.prisma", (text) =>
        text.replace(/^model Tenant \{\n/m, "model Tenant {\n  planted String?\n"),
      ),
  },
  {
    name: "a path of somebody's machine",
    check: "words",
    says: /docs\/planted\.md:1 /,
    plant: (copy) => copy.write("docs/planted.md", `See /${"home"}/ada/rollcall.\n`),
  },
];

export const violations: readonly Violation[] = [...inCode, ...inRooms, ...inTheHouse];

function depend(copy: Copy, from: string, to: string): void {
  copy.edit(`apps/${from}/package.json`, (text) => {
    const manifest = JSON.parse(text) as { dependencies?: Record<string, string> };
    return `${JSON.stringify({ ...manifest, dependencies: { ...manifest.dependencies, [`@rollcall/${to}`]: "*" } }, null, 2)}\n`;
  });
}

function addErrorCode(text: string): string {
  return text.replace("export type ErrorCode =\n", 'export type ErrorCode =\n  | "planted"\n');
}

/**
 * Generates the Prisma client into core's store. Prisma would first download its native schema
 * engine, which generating does not use and many networks do not reach; `true` stands in for it.
 */
import { execFileSync } from "node:child_process";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));
const prisma = fileURLToPath(import.meta.resolve("prisma/build/index.js"));

try {
  execFileSync(process.execPath, [prisma, "generate", "--schema", "prisma/schema.prisma", "--no-hints"], {
    cwd: root,
    env: { ...process.env, PRISMA_SCHEMA_ENGINE_BINARY: "/bin/true", PRISMA_HIDE_UPDATE_MESSAGE: "1" },
    stdio: "pipe",
  });
} catch (error) {
  const { stdout, stderr } = error as { stdout?: Buffer; stderr?: Buffer };
  process.stderr.write(`prisma generate failed:\n${String(stdout ?? "")}${String(stderr ?? "")}\n`);
  process.exitCode = 1;
}

/**
 * Builds the console's pages where those of the present sources are missing: after `npm ci`, and
 * from whoever serves them. Each file is also written compressed, so that serving costs nothing.
 */
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { brotliCompressSync, constants, gzipSync } from "node:zlib";
import { buildsDirectory, pagesDirectory } from "./built-pages.ts";

const keptMs = 86_400_000;
const directory = pagesDirectory();
const configFile = fileURLToPath(new URL("../vite.config.ts", import.meta.url));

if (!existsSync(directory)) {
  const vite = await import("vite").catch(() => undefined);
  if (vite === undefined) process.stderr.write("the console's pages are not built: install with development tools\n");
  else await build(vite);
}

async function build(vite: typeof import("vite")): Promise<void> {
  // Whatever the rest of the process is run as: React has another, slower build for development.
  // oxlint-disable-next-line node/no-process-env -- Vite takes it from there and from nowhere else.
  process.env["NODE_ENV"] = "production";
  // Aside and then into place, for several processes may come here at once.
  const aside = `${directory}.${process.pid}`;
  try {
    await vite.build({ configFile, build: { outDir: aside } });
    compress(aside);
    renameSync(aside, directory);
  } catch (error) {
    rmSync(aside, { recursive: true, force: true });
    // Somebody else has been quicker.
    if (!existsSync(directory)) throw error;
  }
  forgetFormer();
}

function compress(built: string): void {
  for (const entry of readdirSync(built, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile() || !/\.(?:js|css|html|svg)$/.test(entry.name)) continue;
    const file = path.join(entry.parentPath, entry.name);
    const content = readFileSync(file);
    const quality = { params: { [constants.BROTLI_PARAM_QUALITY]: 9 } };
    writeFileSync(`${file}.br`, brotliCompressSync(content, quality));
    writeFileSync(`${file}.gz`, gzipSync(content, { level: 9 }));
  }
}

/** Builds of other sources, once nobody serves them any more: whoever began to before goes on for a while. */
function forgetFormer(): void {
  mkdirSync(buildsDirectory, { recursive: true });
  for (const name of readdirSync(buildsDirectory)) {
    const build = path.join(buildsDirectory, name);
    const ageMs = Date.now() - (statSync(build, { throwIfNoEntry: false })?.mtimeMs ?? Date.now());
    if (build !== directory && ageMs > keptMs) rmSync(build, { recursive: true, force: true });
  }
}

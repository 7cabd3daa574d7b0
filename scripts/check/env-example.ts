import { readFile } from "node:fs/promises";
import path from "node:path";
import { describeSettings } from "@rollcall/core/runtime";
import { root } from "./program.ts";

const head = `# Every setting of Rollcall, written by \`npm run env:example\`. A default stands behind its #; what
# has none must be set, unless \`npm start\` or \`docker compose up\` does it for you. Each may also be
# given as NAME_FILE, the path of a file that holds the value: for secrets.
`;

/** What .env.example must hold: each setting, its meaning and its default, from config.ts. */
export function envExample(): string {
  const settings = describeSettings().map(
    ({ name, meaning, default: fallback }) =>
      `# ${meaning}\n${fallback === undefined ? "" : "#"}${name}=${fallback ?? ""}\n`,
  );
  return [head, ...settings].join("\n");
}

/** .env.example says what config.ts reads. */
export async function checkEnvExample(): Promise<void> {
  const wanted = envExample();
  const present = await readFile(path.join(root, ".env.example"), "utf8").catch(() => "");
  if (present === wanted) return;
  const missing = describeSettings().filter(({ name }) => !present.includes(`${name}=`));
  const which = missing.length === 0 ? "its text differs" : `it lacks ${missing.map(({ name }) => name).join(", ")}`;
  throw new Error(`.env.example does not match config.ts: ${which}. Run \`npm run env:example\`.`);
}

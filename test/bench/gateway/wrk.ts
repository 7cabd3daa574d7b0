import { execFile } from "node:child_process";
import { writeFile } from "node:fs/promises";
import path from "node:path";
import { promisify } from "node:util";
import { programPath } from "../../harness/parts.ts";

export type Load = { readonly perSec: number; readonly requests: number };

const run = promisify(execFile);
const connections = 32;

// Written before the first request, so that what is measured is not this script.
const script = `
local requests, at = {}, 0
init = function()
  for token in io.lines(os.getenv("TOKENS")) do
    requests[#requests + 1] = wrk.format("GET", "/orders", { Authorization = "Bearer " .. token })
  end
end
request = function()
  at = at % #requests + 1
  return requests[at]
end
done = function(summary)
  local errors = summary.errors
  io.write(string.format('\\n{"requests":%d,"refused":%d,"broken":%d,"us":%d}\\n',
    summary.requests, errors.status, errors.connect + errors.read + errors.write + errors.timeout, summary.duration))
end
`;

/** A load of tokens by turns, by wrk. Throws where anything but a success was answered. */
export async function createWrk(
  directory: string,
  tokens: readonly string[],
): Promise<(origin: string, seconds: number) => Promise<Load>> {
  const [scriptFile, tokenFile] = [path.join(directory, "load.lua"), path.join(directory, "tokens")];
  await writeFile(scriptFile, script);
  await writeFile(tokenFile, `${tokens.join("\n")}\n`);
  return async (origin, seconds) => {
    const args = ["-t1", `-c${connections}`, `-d${seconds}s`, "-s", scriptFile, `${origin}/orders`];
    const { stdout } = await run("wrk", args, { env: { PATH: programPath, TOKENS: tokenFile } });
    const told = JSON.parse(stdout.trim().split("\n").at(-1) ?? "") as Record<
      "requests" | "refused" | "broken" | "us",
      number
    >;
    if (told.refused + told.broken > 0)
      throw new Error(`${origin}: ${told.refused} good tokens were refused, ${told.broken} requests broke`);
    return { perSec: (told.requests * 1_000_000) / told.us, requests: told.requests };
  };
}

import { startGateway } from "./gateway-process.ts";
import { nginxArgs, temporaryPaths } from "./gateway-programs.ts";

/** `as documented`: the cache that docs/feed.md asks for. `frozen`: every answer for an hour, also when the feed is gone. */
export type RelayKind = "as documented" | "frozen";

const forASecond = "proxy_cache_valid 200 1s;";
const forAnHour = "proxy_cache_valid any 1h; proxy_cache_use_stale error timeout updating http_500 http_502 http_503;";

/** A real nginx between a feed and its followers, which keeps what it is told not to; returns where it answers. */
export async function startCachingRelay(feed: string, kind: RelayKind = "as documented"): Promise<string> {
  return startGateway({
    program: "nginx",
    example: new URL("relay/nginx.conf", import.meta.url),
    replacements: ({ directory, port }) => [
      ["server 127.0.0.1:8085;", `server ${feed.slice("http://".length)};`],
      ["listen 8000;", `listen 127.0.0.1:${port};`],
      ["CACHE", `${directory}/cache`],
      ["http {\n", `http {\n${temporaryPaths(directory)}`],
      [forASecond, kind === "frozen" ? forAnHour : forASecond],
    ],
    args: nginxArgs("crit"),
  });
}

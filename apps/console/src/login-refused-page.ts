import { createHash } from "node:crypto";
import type { FastifyReply, FastifyRequest } from "fastify";
import { LoginRefused } from "./login-refused.ts";
import { pageHeaders } from "./page-headers.ts";
import type { Refusal } from "./refusal.ts";

/** Where the browser was going when it went to log in: a path of our own, or null before anybody knows. */
export const loginPlaceDecorator = "consoleLoginPlace";

/** Answers somebody whose login came to nothing: what happened, what to do, and the way back to it. */
export function showLoginRefused(
  request: FastifyRequest,
  reply: FastifyReply,
  refusal: Refusal,
  error: unknown,
): FastifyReply {
  const { happened, next } =
    error instanceof LoginRefused
      ? error
      : {
          happened: refusal.detail,
          next: "try again, and if it stays so, give whoever runs Rollcall the id of the request",
        };
  const place = request.getDecorator<string | null>(loginPlaceDecorator);
  return reply
    .headers(headers)
    .header("cache-control", "no-store")
    .type("text/html; charset=utf-8")
    .send(pageOf({ happened, next, place, code: refusal.code, requestId: request.id }));
}

const style = `
:root{color-scheme:light dark;--page:light-dark(#f5f7fa,#10151e);--sheet:light-dark(#fff,#171e2a);--ink:light-dark(#18202f,#e7ecf5);--quiet:light-dark(#4d5970,#a3b0c6);--rule:light-dark(#d9e0ea,#2c3749);--blue:light-dark(#234a97,#93b4ff);--on-blue:light-dark(#fff,#0d1526);--in:light-dark(#0d6a43,#62d09c)}
*{box-sizing:border-box}
body{margin:0;background:var(--page);color:var(--ink);font:.9375rem/1.5 system-ui,"Segoe UI",Roboto,"Noto Sans",sans-serif}
main{display:grid;place-content:center;min-height:100dvh;padding:1rem}
article{display:grid;gap:1.25rem;width:min(26rem,calc(100vw - 2rem));padding:2rem;background:var(--sheet);border:1px solid var(--rule);border-radius:10px;overflow-wrap:anywhere}
h1{margin:0;font-size:1.625rem;line-height:1.2;letter-spacing:-.015em}
p{margin:0}
.name{display:flex;align-items:center;gap:.5rem;font-weight:700}
svg{fill:none;stroke:var(--blue);stroke-width:3.5;stroke-linecap:round;stroke-linejoin:round}
.tick{stroke:var(--in)}
a{color:var(--blue);text-underline-offset:.2em}
.ways{display:grid;gap:.75rem;text-align:center}
.button{padding:.4rem .8rem;font-weight:600;color:var(--on-blue);text-decoration:none;background:var(--blue);border-radius:6px}
:focus-visible{outline:3px solid var(--blue);outline-offset:2px;border-radius:3px}
.quiet{color:var(--quiet);font-size:.875rem}
code{font:.875em/1.45 ui-monospace,"DejaVu Sans Mono",monospace}
`;

/** Nothing is loaded and nothing runs. The one style is known by its digest, so that no other counts (CSP 3 §2.3.1). */
const headers = pageHeaders([
  "default-src 'none'",
  `style-src 'sha256-${createHash("sha256").update(style).digest("base64")}'`,
  "frame-ancestors 'none'",
  "base-uri 'none'",
  "form-action 'none'",
]);

type Shown = {
  readonly happened: string;
  readonly next: string;
  readonly place: string | null;
  readonly code: string;
  readonly requestId: string;
};

function pageOf({ happened, next, place, code, requestId }: Shown): string {
  const ways =
    place === null
      ? `<a class="button" href="/console/">Log in another way</a>`
      : `<a class="button" href="${escaped(`/v1/admin/login/start?to=${encodeURIComponent(place)}`)}">Try again</a>
<a href="/console/">Log in another way</a>`;
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>You are not logged in · Rollcall</title>
<style>${style}</style>
</head>
<body>
<main>
<article>
<p class="name"><svg viewBox="0 0 32 32" width="22" height="22" aria-hidden="true"><path d="M4 8h24M4 16h24M4 24h11"/><path class="tick" d="m20 24 3.200 3.200 6-7"/></svg>Rollcall</p>
<h1>You are not logged in</h1>
<p>${escaped(sentence(happened))}</p>
<p>${escaped(sentence(next))}</p>
<p class="ways">${ways}</p>
<p class="quiet">Code <code>${escaped(code)}</code>, request <code>${escaped(requestId)}</code></p>
</article>
</main>
</body>
</html>
`;
}

function sentence(words: string): string {
  return `${words.charAt(0).toUpperCase()}${words.slice(1)}.`;
}

const entities: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
};

function escaped(text: string): string {
  return text.replace(/[&<>"']/g, (character) => entities[character] ?? "");
}

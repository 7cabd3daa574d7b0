import { Problem, unanswered } from "./problem.ts";

export type Method = "GET" | "POST" | "PUT" | "PATCH" | "DELETE";

/** Asks the admin API as whoever is logged in. Throws a `Problem` where it refuses or does not answer. */
export async function request<Answer>(method: Method, path: string, body?: unknown): Promise<Answer> {
  return (await requestTagged<Answer>(method, path, body)).answer;
}

export type Tagged<Answer> = { readonly answer: Answer; readonly tag: string | undefined };

/** The same with the answer's tag, for a change that must not undo somebody else's (RFC 9110 §13.1.1). */
export async function requestTagged<Answer>(
  method: Method,
  path: string,
  body?: unknown,
  tag?: string,
): Promise<Tagged<Answer>> {
  const response = await fetch(path, {
    method,
    credentials: "same-origin",
    headers: {
      accept: "application/json",
      // A page of another site cannot send it, so a cookie alone never changes anything.
      ...(method === "GET" ? {} : { "x-rollcall-request": "1" }),
      ...(body === undefined ? {} : { "content-type": "application/json" }),
      ...(tag === undefined ? {} : { "if-match": tag }),
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  }).catch(() => {
    throw unanswered();
  });
  const answer = parsed(await response.text());
  if (!response.ok) throw new Problem(response.status, (answer ?? {}) as Readonly<Record<string, unknown>>);
  return { answer: answer as Answer, tag: response.headers.get("etag") ?? undefined };
}

/** A path's query; what is undefined or empty is left out. */
export function withQuery(path: string, query: Readonly<Record<string, string | number | undefined>>): string {
  const given = Object.entries(query).filter(([, value]) => value !== undefined && value !== "");
  const text = new URLSearchParams(given.map(([name, value]) => [name, String(value)])).toString();
  return text === "" ? path : `${path}?${text}`;
}

function parsed(text: string): unknown {
  try {
    return text === "" ? undefined : JSON.parse(text);
  } catch {
    return undefined;
  }
}

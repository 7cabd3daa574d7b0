/** One thing that is wrong with what was sent, and where. */
export type FieldProblem = { readonly at: string; readonly message: string };

/** A refusal of the admin API (RFC 9457), or that there was no answer at all. */
export class Problem extends Error {
  readonly status: number;
  readonly code: string;
  readonly requestId: string | undefined;
  readonly fields: readonly FieldProblem[];

  constructor(status: number, body: Readonly<Record<string, unknown>>) {
    super(typeof body["detail"] === "string" ? body["detail"] : `the service answered ${status}`);
    this.name = "Problem";
    this.status = status;
    this.code = typeof body["code"] === "string" ? body["code"] : "unknown";
    this.requestId = typeof body["request_id"] === "string" ? body["request_id"] : undefined;
    this.fields = Array.isArray(body["problems"]) ? (body["problems"] as readonly FieldProblem[]) : [];
  }
}

/** What is wrong with what one field says, or a part of it. */
export function problemAt(error: Problem | null, name: string): string | undefined {
  const said = error?.fields.filter(({ at }) => isAt(at, name)).map(({ message }) => message) ?? [];
  return said.length === 0 ? undefined : said.join("; ");
}

export function isAt(at: string, name: string): boolean {
  return at === name || at.startsWith(`${name}.`);
}

/** There was no answer: the service, or the way to it, is down. */
export function unanswered(): Problem {
  return new Problem(0, { code: "unreachable", detail: "the service does not answer" });
}

export function problemOf(error: unknown): Problem {
  if (error instanceof Problem) return error;
  return new Problem(0, { code: "page_failed", detail: error instanceof Error ? error.message : "the page failed" });
}

import { type ExitCode, exitCodes } from "./exit-codes.ts";

/** Something that ends a command with a sentence for a person and a code for a script. */
export class CommandError extends Error {
  readonly exitCode: ExitCode;
  readonly code: string;

  constructor(exitCode: ExitCode, code: string, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "CommandError";
    this.exitCode = exitCode;
    this.code = code;
  }
}

export type Query = Readonly<Record<string, string | number | undefined>>;

/** The admin API as the command line sees it. Throws `CommandError` for whatever is not a success. */
export type AdminApi = {
  get<Answer>(path: string, query?: Query): Promise<Answer>;
  post<Answer>(path: string, body?: object): Promise<Answer>;
  put<Answer>(path: string, body: object): Promise<Answer>;
  patch<Answer>(path: string, body: object): Promise<Answer>;
  remove<Answer = void>(path: string, query?: Query): Promise<Answer>;
};

const timeoutMs = 60_000;

export function createAdminApi(url: string, token: string): AdminApi {
  async function ask<Answer>(method: string, path: string, body?: object): Promise<Answer> {
    const response = await reach(url, `${url}${path}`, {
      method,
      headers: {
        authorization: `Bearer ${token}`,
        accept: "application/json",
        ...(body === undefined ? {} : { "content-type": "application/json" }),
      },
      redirect: "manual",
      signal: AbortSignal.timeout(timeoutMs),
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    if (!response.ok) throw refusalOf(url, response.status, text);
    return (text === "" ? undefined : readAnswer(url, response.status, text)) as Answer;
  }
  return {
    get: (path, query = {}) => ask("GET", `${path}${queryText(query)}`),
    post: (path, body) => ask("POST", path, body),
    put: (path, body) => ask("PUT", path, body),
    patch: (path, body) => ask("PATCH", path, body),
    remove: (path, query = {}) => ask("DELETE", `${path}${queryText(query)}`),
  };
}

function queryText(query: Query): string {
  const given = Object.entries(query).flatMap(([name, value]) =>
    value === undefined ? [] : [[name, String(value)] as [string, string]],
  );
  return given.length === 0 ? "" : `?${new URLSearchParams(given).toString()}`;
}

async function reach(service: string, url: string, request: RequestInit): Promise<Response> {
  try {
    return await fetch(url, request);
  } catch (cause) {
    const why =
      cause instanceof Error && cause.cause instanceof Error
        ? ((cause.cause as NodeJS.ErrnoException).code ?? cause.cause.message)
        : (cause as Error).name;
    const advice = "Is it running? `npm start` starts it here; --url or ROLLCALL_URL says where else it is.";
    throw new CommandError(
      exitCodes.unreachable,
      "unreachable",
      `cannot reach Rollcall at ${service} (${why}).\n${advice}`,
      { cause },
    );
  }
}

function refusalOf(service: string, status: number, text: string): CommandError {
  const problem = readProblem(text);
  if (status === 401) {
    const advice = "Give a live one with --token-file or ROLLCALL_TOKEN; `up` notes the first in .rollcall/cli.json.";
    return new CommandError(
      exitCodes.refused,
      "unauthenticated",
      `Rollcall at ${service} does not accept this admin token.\n${advice}`,
    );
  }
  if (problem === undefined) return notRollcall(service, status);
  return new CommandError(status >= 500 ? exitCodes.unreachable : exitCodes.refused, problem.code, problem.detail);
}

function notRollcall(service: string, status: number): CommandError {
  return new CommandError(
    exitCodes.unreachable,
    "unreachable",
    `${service} answers ${status} and not as Rollcall does: is the URL right?`,
  );
}

function readAnswer(service: string, status: number, text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    throw notRollcall(service, status);
  }
}

function readProblem(text: string): { readonly code: string; readonly detail: string } | undefined {
  try {
    const { code, detail } = JSON.parse(text) as { readonly code?: unknown; readonly detail?: unknown };
    return typeof code === "string" && typeof detail === "string" ? { code, detail } : undefined;
  } catch {
    return undefined;
  }
}

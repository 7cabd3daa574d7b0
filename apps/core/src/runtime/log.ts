import { type Logger, pino } from "pino";

export type { Logger };

// Names under which a secret or a person could reach a log line; values are replaced, names stay.
const secretPaths = [
  "token",
  "authorization",
  "password",
  "secret",
  "digest",
  "cookie",
  "body",
  "userName",
  "email",
  "externalId",
  "sub",
];

/** One JSON line an event, on standard output. Secrets and personal data are redacted wherever they hide. */
export function createLog(role: string, level: string): Logger {
  return pino({
    level,
    base: { role },
    redact: { paths: secretPaths.flatMap((name) => [name, `*.${name}`, `req.headers.${name}`]), censor: "[redacted]" },
    serializers: { err: describeError, error: describeError },
  });
}

/** PostgreSQL puts row values into `detail`; the code and the constraint say enough. */
function describeError(error: unknown): unknown {
  if (!(error instanceof Error)) return error;
  const { code, constraint } = error as { code?: unknown; constraint?: unknown };
  return {
    type: error.name,
    message: error.message,
    code,
    constraint,
    stack: error.stack,
    cause: describeError(error.cause),
  };
}

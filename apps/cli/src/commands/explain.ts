import { text } from "node:stream/consumers";
import { Command, Option } from "commander";
import { CommandError } from "../admin-api.ts";
import { exitCodes } from "../exit-codes.ts";
import { withSession } from "../session.ts";
import { readSpan, type SpanOptions, spanOptions } from "../span.ts";
import { milliseconds, table } from "../table.ts";

type Explanation = {
  readonly verdict: { readonly code: string; readonly sentence: string; readonly fix: string };
  readonly steps: readonly {
    readonly step: string;
    readonly status: "ok" | "problem" | "unknown";
    readonly code?: string;
    readonly evidence: string;
    readonly fix?: string;
    readonly gateways?: readonly Gateway[];
  }[];
  readonly causes: readonly {
    readonly code: string;
    readonly sentence: string;
    readonly fix: string;
    readonly count?: number;
  }[];
  readonly refusals?: Refusals;
};
type Refusals = {
  readonly from: string;
  readonly to: string;
  readonly total: number;
  readonly reasons: readonly { readonly reason: string; readonly count: number }[];
  readonly subjects: number;
  readonly gateways: readonly string[];
};
type Gateway = {
  readonly name: string;
  readonly follows: "tenant" | "all";
  readonly standing: string;
  readonly behind?: number;
  readonly asOfAgeMs: number;
  readonly enforces?: boolean;
  readonly sinceAtLatest?: string;
};
type Options = SpanOptions & { readonly iss?: string; readonly as?: What };
type What = (typeof whats)[number];

const whats = ["token", "sub", "email", "request", "line"] as const;
/** The verdicts by which nobody is refused. */
const answered: readonly string[] = ["ok", "nothing_refused"];
const marks = { ok: "ok", problem: "PROBLEM", unknown: "?" } as const;
const jwtShape = /^(?:bearer\s+)?eyJ/i;
/** JSON, or more words than a subject has. */
const lineShape = /^\s*\{|^\s*(?:\S+\s+){3}\S/;
const nameOf = { token: "token", sub: "sub", email: "email", request: "requestId", line: "line" } as const;

/** `rollcall explain <token|sub|…>` */
export function explainCommand(): Command {
  const explain = new Command("explain")
    .description("say why somebody is refused: the checklist, with evidence and fix. Exit code 1 when they are")
    .argument(
      "[what]",
      "a JWT, a subject, or a line of a gateway's log; or - to read it from standard input, which keeps a token out of the process list",
    )
    .option("--iss <issuer>", "for a subject: the issuer of its tokens")
    .addOption(
      new Option(
        "--as <what>",
        "what the argument is, where its looks deceive; an e-mail address and a request's id have to be said",
      ).choices(whats),
    );
  return spanOptions(explain, "in place of the argument: why requests were refused").action(
    (given: string | undefined, options: Options, command: Command) =>
      withSession(command, async ({ api, print, tenant }) => {
        const question = await questionOf(given, options);
        const answer = await api.post<Explanation>("/v1/explain", { ...question, tenant: await tenant() });
        print(answer, () => shown(answer));
        return answered.includes(answer.verdict.code) ? exitCodes.done : exitCodes.refused;
      }),
  );
}

async function questionOf(given: string | undefined, options: Options): Promise<object> {
  const span = readSpan(options, Date.now());
  if (given === undefined) {
    if (span === undefined)
      throw new CommandError(exitCodes.usage, "input_missing", "say what to explain, or of which time: --since 1h");
    return span;
  }
  if (span !== undefined)
    throw new CommandError(exitCodes.usage, "input_ambiguous", "say what to explain, or of which time, and not both");
  const value = given === "-" ? (await text(process.stdin)).replace(/\r?\n$/, "") : given;
  if (value === "" && options.as !== "sub")
    throw new CommandError(exitCodes.usage, "input_missing", "there is nothing on standard input");
  const what = options.as ?? (jwtShape.test(value) ? "token" : lineShape.test(value) ? "line" : "sub");
  return what === "sub" ? { sub: value, iss: options.iss } : { [nameOf[what]]: value };
}

function shown({ verdict, steps, causes, refusals }: Explanation): string {
  const rows = steps.map(({ step, status, code, evidence }) => [marks[status], step, code, evidence]);
  const gateways = steps.flatMap((step) => step.gateways ?? []);
  return [
    `${verdict.code}: ${verdict.sentence}\n${verdict.fix}`,
    ...(refusals === undefined ? [] : [refusalsShown(refusals, causes)]),
    ...(rows.length === 0 ? [] : [table(["", "step", "cause", "evidence"], rows)]),
    ...(gateways.length === 0 ? [] : [gatewaysShown(gateways)]),
  ].join("\n\n");
}

function refusalsShown(
  { from, to, total, reasons, subjects, gateways }: Refusals,
  causes: Explanation["causes"],
): string {
  const counts = reasons.map(({ reason, count }) => [count, reason]);
  const found = causes.map(({ code, count, sentence }) => [count, code, sentence]);
  return [
    `${total} refused from ${from} to ${to}, of ${subjects} subjects as far as is kept, by ${gateways.join(", ") || "nobody"}`,
    table(["refused", "for the reason"], counts, "nothing was refused"),
    ...(found.length === 0 ? [] : [table(["about", "cause", ""], found)]),
  ].join("\n\n");
}

function gatewaysShown(gateways: readonly Gateway[]): string {
  const rows = gateways.map((one) => [
    one.name,
    one.follows === "all" ? "all tenants" : "this tenant",
    one.standing,
    one.behind ?? "other epoch",
    milliseconds(one.asOfAgeMs),
    one.enforces,
    one.sinceAtLatest,
  ]);
  return table(["gateway", "follows", "is", "behind", "its word's age", "enforces it", "since, at the latest"], rows);
}

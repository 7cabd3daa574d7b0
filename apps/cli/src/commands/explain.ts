import { text } from "node:stream/consumers";
import { Command, Option } from "commander";
import { CommandError } from "../admin-api.ts";
import { exitCodes } from "../exit-codes.ts";
import { withSession } from "../session.ts";
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
type Options = { readonly iss?: string; readonly as?: "token" | "sub" };

const marks = { ok: "ok", problem: "PROBLEM", unknown: "?" } as const;
const jwtShape = /^(?:bearer\s+)?eyJ/i;

/** `rollcall explain <token|sub>` */
export function explainCommand(): Command {
  return new Command("explain")
    .description(
      "say why a token or a subject is refused: the checklist, with evidence and fix. Exit code 1 when it is",
    )
    .argument(
      "<token|sub>",
      "a JWT, a subject, or - to read either from standard input, which keeps a token out of the process list",
    )
    .option("--iss <issuer>", "for a subject: the issuer of its tokens")
    .addOption(new Option("--as <what>", "what the argument is, where its looks deceive").choices(["token", "sub"]))
    .action((given: string, options: Options, command: Command) =>
      withSession(command, async ({ api, print, tenant }) => {
        const value = given === "-" ? (await text(process.stdin)).replace(/\r?\n$/, "") : given;
        if (value === "" && options.as !== "sub")
          throw new CommandError(exitCodes.usage, "input_missing", "there is nothing on standard input");
        const isToken = options.as === undefined ? jwtShape.test(value) : options.as === "token";
        const question = isToken ? { token: value } : { sub: value, iss: options.iss };
        const answer = await api.post<Explanation>("/v1/explain", { ...question, tenant: await tenant() });
        print(answer, () => shown(answer));
        return answer.verdict.code === "ok" ? exitCodes.done : exitCodes.refused;
      }),
    );
}

function shown({ verdict, steps }: Explanation): string {
  const rows = steps.map(({ step, status, code, evidence }) => [marks[status], step, code, evidence]);
  const checklist = `${verdict.code}: ${verdict.sentence}\n${verdict.fix}\n\n${table(["", "step", "cause", "evidence"], rows)}`;
  const gateways = steps.flatMap((step) => step.gateways ?? []);
  return gateways.length === 0 ? checklist : `${checklist}\n\n${gatewaysShown(gateways)}`;
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

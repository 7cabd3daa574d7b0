import type { Allowed, Refused } from "../decision.ts";

/** What is answered in the application's place. */
export type RefusalAnswer = {
  readonly status: 401 | 503;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
};

export type AnswerOptions = {
  /** The realm that a client is told of; `api` unless given. */
  readonly realm?: string | undefined;
};

/** Makes the answers to refusals. To the outside every refused token is refused alike: the reason stays inside. */
export function createAnswers({ realm = "api" }: AnswerOptions): (refused: Refused) => RefusalAnswer {
  if (!/^[\x20\x21\x23-\x5b\x5d-\x7e]*$/.test(realm))
    throw new TypeError("the realm must be visible ASCII without quotes");
  const challenge = `Bearer realm="${realm}"`;
  // RFC 6750 §3.1: whoever brought no token gets no error in the challenge.
  const missing = answer(401, "token_invalid", { "www-authenticate": challenge });
  const invalid = answer(401, "token_invalid", {
    "www-authenticate": `${challenge}, error="invalid_token", error_description="The access token is no longer valid"`,
  });
  const undecidable = answer(503, "authz_unavailable", { "retry-after": "1" });
  return ({ reason, status }) => {
    if (status === 503) return undecidable;
    return reason === "token_missing" ? missing : invalid;
  };
}

/** Where the application finds who a request is from. A symbol of our own: nothing a client sends can have it. */
const bearerOfRequest = Symbol("rollcall.bearer");

type Admitted = { [bearerOfRequest]?: Allowed };

export function admit(request: object, bearer: Allowed): void {
  (request as Admitted)[bearerOfRequest] = bearer;
}

/** Who a request is from; for handlers behind `protect`. Throws for a request that did not pass: nobody is taken for somebody by mistake. */
export function bearerOf(request: object): Allowed {
  const bearer = (request as Admitted)[bearerOfRequest];
  if (bearer === undefined) throw new Error("this request did not pass the guard");
  return bearer;
}

function answer(status: 401 | 503, code: string, headers: Readonly<Record<string, string>>): RefusalAnswer {
  return {
    status,
    headers: { ...headers, "cache-control": "no-store", "content-type": "application/problem+json" },
    body: JSON.stringify({ type: "about:blank", status, code }),
  };
}

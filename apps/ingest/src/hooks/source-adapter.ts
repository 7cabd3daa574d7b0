import type { IncomingHttpHeaders } from "node:http";
import type { DirectoryError, ErrorCode, Json, SourceEvent } from "@rollcall/core/domain";
import type { Accepted, OpenSource } from "@rollcall/core/store";
import type { IssuerKeys } from "./issuer-keys.ts";

/** A request at a hook's address, as it came: what is verified is the body's bytes. */
export type HookRequest = {
  readonly method: "GET" | "POST";
  readonly headers: IncomingHttpHeaders;
  readonly query: URLSearchParams;
  readonly body: Buffer;
  readonly receivedAt: Date;
};

export type HookAnswer = {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
};

/** One event with what was said of it alone, word for word: its repetition says the same. */
export type ToldEvent = { readonly event: SourceEvent; readonly payload: Json };

/** An event of a delivery that comes to nothing, and why: it is `ignored`, or could not be read. */
export type LeftOut = {
  /** The sender's own id for it, where it has one. */
  readonly event: string | undefined;
  readonly code: ErrorCode | "ignored";
  readonly detail: string;
};

/** What came of an event. */
export type Outcome = Accepted["outcome"];

/** What a request is: a question that is answered and changes nothing, or events that are taken in first. */
export type HookDelivery =
  | { readonly kind: "handshake"; readonly answer: HookAnswer }
  | {
      readonly kind: "events";
      readonly events: readonly ToldEvent[];
      readonly leftOut?: readonly LeftOut[];
      /** What the sender asks for besides: its subscription to be renewed, or to be asked what it could not tell. */
      readonly hurries?: readonly ("renewal" | "changes")[];
      /** What an admin is to know of the source from now on; null where all is well again. */
      readonly trouble?: string | null;
      /**
       * Where left out: 204, or 200 with what was left out; and a refusal where nothing could be read. A
       * function is told what came of the events, in their order, and may refuse.
       */
      readonly answer?: HookAnswer | ((outcomes: readonly Outcome[]) => HookAnswer);
    };

export type EventDelivery = Extract<HookDelivery, { readonly kind: "events" }>;

/** What adapters need beside the request. */
export type SourceTools = {
  /** The published keys of those who sign with them. */
  readonly keys: IssuerKeys;
  /** Where we are reached: `${publicUrl}/hooks/{source}` is what a sender knows us by. */
  readonly publicUrl: string;
};

/**
 * One kind of source: verifies a request, then reads what it says. Throws `unauthenticated` for
 * whatever is not verified, before any of it is believed, and `syntax_invalid` or `value_invalid` for
 * what is verified and cannot be read. Events of a type that says nothing of users are left out.
 */
export type SourceAdapter = {
  receive(request: HookRequest, source: OpenSource, tools: SourceTools): HookDelivery | Promise<HookDelivery>;
  /** How its senders are told of a refusal, where their protocol has words of its own. */
  refusal?(error: DirectoryError): HookAnswer | undefined;
};

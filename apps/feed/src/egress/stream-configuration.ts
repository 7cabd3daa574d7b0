import { DirectoryError, isId } from "@rollcall/core/domain";
import type { ApplicationSubscription } from "@rollcall/core/store";
import { z } from "zod";
import { kindsOf, supportedUris, uriOf } from "./event-types.ts";
import { audienceOf } from "./security-event-token.ts";

/** SSF 1.0 §7.1.1, RFC 8935 and RFC 8936. */
export const pushMethod = "urn:ietf:rfc:8935";
export const pollMethod = "urn:ietf:rfc:8936";

/** How often a receiver may ask for a verification. */
export const verificationEverySec = 5;

const line = (lengthMax: number) =>
  z
    .string()
    .min(1)
    .max(lengthMax)
    .regex(/^[^\p{Cc}]*$/u)
    .refine((value) => value.isWellFormed());
const streamId = z.string().refine(isId);
const delivery = z.object({
  method: z.enum([pushMethod, pollMethod]),
  endpoint_url: z.string().max(2_048).optional(),
  // It is sent as it is, so it must be a header's value (RFC 9110 §5.5).
  authorization_header: z
    .string()
    .max(4_096)
    .regex(/^[\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?$/)
    .optional(),
});
const settings = {
  events_requested: z.array(z.string().max(512)).max(64).optional(),
  delivery: delivery.optional(),
  description: line(500).optional(),
};

// What only we say of a stream may be sent back to us, and changes nothing.
export const newStream = z.object(settings);
export const changedStream = z.object({ stream_id: streamId, ...settings });
export const namedStream = z.object({ stream_id: streamId });
export const maybeNamedStream = z.object({ stream_id: streamId.optional() });
export const changedStatus = z.object({
  stream_id: streamId,
  status: z.enum(["enabled", "paused", "disabled"]),
  reason: line(500).optional(),
});
export const verification = z.object({ stream_id: streamId, state: z.string().max(1_024).optional() });

export type StreamSettings = z.output<typeof newStream>;

/** Reads what a route takes. A stream that cannot be named is one that is not there. */
export function read<Schema extends z.ZodType>(schema: Schema, value: unknown): z.output<Schema> {
  const result = schema.safeParse(value ?? {});
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  const at = issue?.path.join(".") ?? "";
  if (at === "stream_id" && typeof (value as { stream_id?: unknown } | undefined)?.stream_id === "string")
    throw new DirectoryError("not_found", "no such stream");
  throw new DirectoryError(
    "value_invalid",
    at === "" ? "the body is not what this takes" : `${at} is missing or cannot be used`,
  );
}

/** How it is delivered, as it is kept: polled, unless an endpoint is named (SSF 1.0 §8.1.1.1). */
export function deliveryOf(
  wanted: StreamSettings["delivery"],
  refusalOf: (url: string) => string | undefined,
): { readonly kind: "push" | "poll"; readonly url: string | undefined; readonly authorization: string | undefined } {
  if (wanted === undefined || wanted.method === pollMethod)
    return { kind: "poll", url: undefined, authorization: undefined };
  const url = wanted.endpoint_url;
  if (url === undefined) throw new DirectoryError("value_invalid", "delivery.endpoint_url is missing");
  const refusal = refusalOf(url);
  if (refusal !== undefined) throw new DirectoryError("value_invalid", `delivery.endpoint_url ${refusal}`);
  return { kind: "push", url, authorization: wanted.authorization_header };
}

/** The stream as its receiver sees it. The header that it gave us is not shown again. */
export function streamView(stream: ApplicationSubscription, tenantId: string, issuer: string): object {
  const { requested } = stream;
  return {
    stream_id: stream.id,
    iss: issuer,
    aud: audienceOf(issuer, tenantId, stream.receiver ?? ""),
    events_supported: supportedUris,
    events_requested: requested,
    events_delivered: kindsOf(requested).map(uriOf),
    delivery:
      stream.kind === "push"
        ? { method: pushMethod, endpoint_url: stream.url }
        : { method: pollMethod, endpoint_url: `${issuer}/ssf/streams/${stream.id}/poll` },
    min_verification_interval: verificationEverySec,
    ...(stream.description === null ? {} : { description: stream.description }),
  };
}

import type { KeptRefusal } from "@rollcall/core/store";
import type { z } from "zod";
import type { refusalShape } from "./explain-shapes.ts";

/** A refusal as it is shown. */
export function shownRefusal(refusal: KeptRefusal): z.output<typeof refusalShape> {
  const { at, gateway, reason, requestId, iss, sub, subHash, claims, userId } = refusal;
  return {
    at: at.toISOString(),
    gateway,
    reason,
    requestId,
    iss,
    sub,
    subHash: subHash?.toString("base64url"),
    claims: claims.length === 0 ? undefined : [...claims],
    userId,
  };
}

import { expect, test } from "vitest";
import { readRefusalLine } from "./explain-line.ts";

const id = "0194b4c4-1111-4222-8333-0123456789ab";
const at = new Date("2026-11-22T12:00:05.250Z");
const iss = "https://idp.test";

test.each([
  [
    "authz, over HTTP",
    `{"level":30,"time":${at.getTime()},"role":"authz","reqId":"${id}","reason":"revoked","iss":"${iss}","msg":"refused"}`,
    { requestId: id, reason: "revoked", iss, at },
  ],
  [
    "authz, over gRPC",
    `{"level":30,"time":${at.getTime()},"role":"authz","request":"${id}","reason":"subject_unknown","iss":"${iss}","msg":"refused"}`,
    { requestId: id, reason: "subject_unknown", iss, at },
  ],
  [
    "authz in a container's log",
    `2026-11-22T12:00:06.000000000Z stdout F {"level":30,"time":${at.getTime()},"reqId":"${id}","reason":"revoked","msg":"refused"}`,
    { requestId: id, reason: "revoked", at },
  ],
  [
    "a guard's decision, as an application logs it",
    `{"decision":{"allow":false,"reason":"subject_denied","status":401,"iss":"${iss}","sub":"00u1"},"request":{"requestId":"r 1"},"time":"${at.toISOString()}"}`,
    { requestId: "r 1", reason: "subject_denied", iss, sub: "00u1", at },
  ],
  [
    "a guard's decision in words",
    `${at.toISOString()} WARN refused reason=token_expired iss=${iss} sub="a b" request_id=req-7`,
    { requestId: "req-7", reason: "token_expired", iss, sub: "a b", at },
  ],
  [
    "nginx with Rollcall's request id",
    `127.0.0.1 - - [22/Nov/2026:13:00:05 +0100] "GET /orders HTTP/1.1" 401 179 rollcall=${id}`,
    { requestId: id, at: new Date("2026-11-22T12:00:05Z") },
  ],
  [
    "nginx, combined",
    '127.0.0.1 - - [22/Nov/2026:12:00:05 +0000] "GET /orders HTTP/1.1" 401 179 "-" "curl/8.5.0"',
    { at: new Date("2026-11-22T12:00:05Z") },
  ],
  [
    "nginx, of a client that asks for a reason",
    `127.0.0.1 - - [22/Nov/2026:12:00:05 +0000] "GET /?sub=eve&request_id=r-1&iss=${iss}&reason=revoked HTTP/1.1" 401 179 rollcall=${id}`,
    { requestId: id, at: new Date("2026-11-22T12:00:05Z") },
  ],
  ["nothing of the kind", "hello", {}],
  ["broken JSON", '{"reason":"revoked"', { reason: "revoked" }],
])("%s is read", (_name, line, expected) => {
  expect(readRefusalLine(line)).toEqual(expected);
});

test("a token that somebody logs is found, and taken for nothing else", () => {
  const token = "eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiJhZGEifQ.c2ln";
  expect(readRefusalLine(`GET / authorization: "Bearer ${token}" 401`)).toEqual({ token });
});

test("a line of any length and kind is read in time that grows with it", () => {
  for (const part of ["request=", "{", '{"a":', 'sub: "', "[22/Nov/2026:", "eyJ", "a=", "2026-11-22T12:"]) {
    const long = part.repeat(Math.ceil(16_384 / part.length));
    expect(() => readRefusalLine(long)).not.toThrow();
  }
});

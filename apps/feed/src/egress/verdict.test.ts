import { expect, test } from "vitest";
import { verdictOf } from "./verdict.ts";

const answer = (status: number, body = "", retryAfterSec?: number) => ({ status, body, retryAfterSec });

test("whoever says that it has the message has it", () => {
  expect([200, 202, 204].map((status) => verdictOf("push", answer(status), 5_000))).toEqual([200, 202, 204]);
});

test.each(["invalid_request", "invalid_issuer", "invalid_audience"])("a SET that is %s is not sent again", (err) => {
  const verdict = verdictOf("push", answer(400, JSON.stringify({ err, description: "no" })), 5_000);
  expect(verdict).toEqual({ status: 400, error: err, retryAfterMs: undefined, gone: false });
});

test.each(["invalid_key", "authentication_failed", "access_denied"])("%s may pass, so it is tried again", (err) => {
  const verdict = verdictOf("push", answer(400, JSON.stringify({ err })), 5_000);
  expect(verdict).toEqual({ status: 400, error: err, retryAfterMs: 5_000, gone: false });
});

test("an answer that is no code is not repeated in the log", () => {
  expect(verdictOf("push", answer(400, '{"err":"ann@example.com"}'), 5_000)).toMatchObject({ error: "status 400" });
  expect(verdictOf("push", answer(400, "<html>"), 5_000)).toMatchObject({ error: "status 400", retryAfterMs: 5_000 });
});

test("a webhook that is gone is left alone, and a stream that says so is tried again", () => {
  expect(verdictOf("webhook", answer(410), 5_000)).toMatchObject({ gone: true, retryAfterMs: undefined });
  expect(verdictOf("push", answer(410), 5_000)).toMatchObject({ gone: false, retryAfterMs: 5_000 });
});

test("a redirect is no receipt, and is not followed", () => {
  expect(verdictOf("webhook", answer(307), 5_000)).toMatchObject({ status: 307, retryAfterMs: 5_000 });
});

test("who asks for time is given it, and after the last attempt nobody is asked again", () => {
  expect(verdictOf("webhook", answer(429, "", 60), 5_000)).toMatchObject({ retryAfterMs: 60_000 });
  expect(verdictOf("webhook", answer(500, "", 60), 5_000)).toMatchObject({ retryAfterMs: 5_000 });
  expect(verdictOf("webhook", answer(503, "", 60), undefined)).toMatchObject({ retryAfterMs: undefined });
});

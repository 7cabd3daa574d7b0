import { expect, test } from "vitest";
import { acceptedType } from "./accept.ts";

test("an answer is in SCIM's media type unless the sender would rather have plain JSON", () => {
  for (const accept of [
    undefined,
    "",
    "*/*",
    "application/*",
    "application/scim+json",
    "APPLICATION/SCIM+JSON; charset=utf-8",
    "application/json, text/plain, */*",
    "application/json;q=0.5, application/scim+json",
    "no media type",
  ])
    expect([accept, acceptedType(accept)]).toEqual([accept, "application/scim+json"]);
  for (const accept of [
    "application/json",
    "application/scim+json;q=0.1, application/json",
    "text/html, application/json;q=0.1",
  ])
    expect([accept, acceptedType(accept)]).toEqual([accept, "application/json"]);
});

test("who takes neither is told so", () => {
  for (const accept of [
    "text/html",
    "application/xml, text/*",
    "application/json;q=0",
    "*/*;q=0",
    "application/scim+json;q=0, application/json;q=0, */*",
  ])
    expect([accept, acceptedType(accept)]).toEqual([accept, undefined]);
});

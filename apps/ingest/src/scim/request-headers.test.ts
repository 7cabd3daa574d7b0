import { expect, test } from "vitest";
import { bearerToken, isJsonMediaType } from "./request-headers.ts";

const refusing = { textJson: "refuse" } as const;

test("a token is the whole of what follows the scheme, in any case", () => {
  expect(bearerToken("Bearer rc_scim_a.b~c+d/e==")).toBe("rc_scim_a.b~c+d/e==");
  expect(bearerToken("bearer  x")).toBe("x");
  for (const wrong of [
    undefined,
    "",
    "Bearer",
    "Bearer ",
    "Basic x",
    "Bearer x y",
    " Bearer x",
    "Bearer x\n",
    "Bearer\tx",
  ])
    expect([wrong, bearerToken(wrong)]).toEqual([wrong, undefined]);
});

test("JSON is named alone or with parameters, and text/json by those who may", () => {
  for (const type of [
    "application/scim+json",
    "application/json; charset=utf-8",
    'application/JSON ; a="b c";d=e ;',
    "application/json;;a=b; ",
  ])
    expect([type, isJsonMediaType(type, refusing)]).toEqual([type, true]);
  for (const type of [
    "",
    "application/jsonx",
    "application/json,text/plain",
    "application/json; a",
    "application/json\t",
  ])
    expect([type, isJsonMediaType(type, { textJson: "permit" })]).toEqual([type, false]);
  expect(isJsonMediaType("text/json", refusing)).toBe(false);
  expect(isJsonMediaType("text/json;a=b", { textJson: "permit" })).toBe(true);
});

test("a header as long as a server takes one is read through once, wherever it goes wrong", () => {
  const long = 1_000_000;
  for (const unit of [" ", ";", "; ", " ;", "; a=b", ';a="b"', "; a=", "a"])
    expect(isJsonMediaType(`application/json${unit.repeat(long / unit.length)}\t`, refusing)).toBe(false);
  for (const unit of [" ", "a", "=", "a="])
    expect(bearerToken(`Bearer ${unit.repeat(long / unit.length)}\t`)).toBeUndefined();
});

import { expect, test } from "vitest";
import { nextLink } from "./next-link.ts";
import { ProviderFailure } from "./provider.ts";

const from = new URL("https://acme.example/api/v1/users?limit=2");

test.each([
  [
    '<https://acme.example/a>; rel="self", <https://acme.example/b?after=1>; rel="next"',
    "https://acme.example/b?after=1",
  ],
  ["</b?after=1>; rel=next", "https://acme.example/b?after=1"],
  ['<https://acme.example/a,b;c>; title="a, b"; rel="prev next"', "https://acme.example/a,b;c"],
  ['<https://acme.example/a>; rel="self"', undefined],
  ['<https://acme.example/next>; rel="self"', undefined],
  [undefined, undefined],
])("%s leads to the next page", (header, link) => {
  expect(nextLink(header, from)).toBe(link);
});

test.each([
  'https://acme.example/b; rel="next"',
  '<http://[>; rel="next"',
  '<a>; rel="next", <b>; rel="next"',
  'rel="next"',
])("%s names a next page and cannot be read: that does not end a listing", (header) => {
  expect(() => nextLink(header, from)).toThrow(ProviderFailure);
});

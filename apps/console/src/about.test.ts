import Fastify from "fastify";
import { expect, test } from "vitest";
import { about, requireAbout } from "./about.ts";

test("a route that does not say who may use it cannot be made", () => {
  const app = Fastify();
  requireAbout(app);
  app.get("/users", about({ role: "viewer", summary: "List users" }), () => []);
  expect(() => app.get("/secrets", () => [])).toThrow("GET /secrets does not say what it is about");
});

import type { FastifyInstance } from "fastify";
import { z } from "zod";
import { about } from "./about.ts";
import { describeRoutes, type DescribedRoute } from "./openapi.ts";

/** Notes every route that is made from here on, with what it says of itself. */
export function noteRoutes(app: FastifyInstance, routes: DescribedRoute[]): void {
  app.addHook("onRoute", ({ method, url, config }) => {
    // A HEAD goes with its GET.
    const methods = [method].flat().filter((one) => one !== "HEAD");
    const described = config?.about;
    if (described !== undefined)
      for (const one of methods) routes.push({ method: one, path: url.replace(/\/$/, ""), about: described });
  });
}

/** The description of the API, made from what each route says of itself. It tells nobody's data and answers everybody. */
export function openapiRoutes(app: FastifyInstance, routes: readonly DescribedRoute[]): void {
  let document: object | undefined;
  app.get(
    "/openapi.json",
    about({
      role: "viewer",
      scope: "open",
      summary: "Describe this API, in OpenAPI 3.1",
      answer: z.looseObject({ openapi: z.string() }),
    }),
    async () => (document ??= describeRoutes(routes)),
  );
}

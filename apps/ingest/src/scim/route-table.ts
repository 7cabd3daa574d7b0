import type { FastifyInstance, FastifyRequest } from "fastify";

/** The routes of one prefix, to say what a path takes. */
export type RouteTable = {
  /** The methods of a path below the prefix, in one order; undefined where nothing is served. */
  methodsFor(path: string): readonly string[] | undefined;
};

type Route = { readonly segments: readonly string[]; readonly methods: Set<string> };

const tableDecorator = "scimRouteTable";
const inOrder = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"];

/** Notes every route that is added to the app from now on. */
export function recordRoutes(app: FastifyInstance): void {
  const routes = new Map<string, Route>();
  app.decorate<RouteTable>(tableDecorator, {
    methodsFor: (path) => {
      const nearest = nearestOf([...routes.values()], path.split("/"));
      return nearest && inOrder.filter((method) => nearest.methods.has(method));
    },
  });
  app.addHook("onRoute", ({ url, method }) => {
    const path = url.slice(app.prefix.length);
    const route = routes.get(path) ?? { segments: path.split("/"), methods: new Set() };
    routes.set(path, route);
    for (const one of [method].flat()) {
      // POST to one resource is only a way to say another method.
      if (one !== "POST" || parametersIn(route) === 0) route.methods.add(one);
    }
  });
}

/** The table of the routes that a request was looked for among. */
export function routeTableOf(request: FastifyRequest): RouteTable {
  return request.server.getDecorator<RouteTable>(tableDecorator);
}

// What is named in full is meant before what a parameter may stand for.
function nearestOf(routes: readonly Route[], path: readonly string[]): Route | undefined {
  const [nearest] = routes
    .filter(({ segments }) => segments.length === path.length && segments.every((one, at) => fits(one, path[at] ?? "")))
    .toSorted((one, other) => parametersIn(one) - parametersIn(other));
  return nearest;
}

function fits(segment: string, written: string): boolean {
  return segment.startsWith(":") ? written !== "" : segment === written;
}

function parametersIn({ segments }: Route): number {
  return segments.filter((segment) => segment.startsWith(":")).length;
}

import { promisesOfGateway } from "../harness/gateway-promises.ts";
import { startTraefik } from "../harness/gateway-traefik.ts";

promisesOfGateway({
  start: (scene) => startTraefik(new URL("../../examples/gateways/traefik/dynamic.yaml", import.meta.url), scene),
  routeFrom: "x-forwarded-uri",
  blindStatus: 503,
  downStatus: 500,
  passesBody: true,
});

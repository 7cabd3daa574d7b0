import { startApisix } from "../harness/gateway-apisix.ts";
import { promisesOfGateway } from "../harness/gateway-promises.ts";

promisesOfGateway({
  start: (scene) => startApisix(new URL("../../examples/gateways/apisix/", import.meta.url), scene),
  routeFrom: "x-forwarded-uri",
  blindStatus: 503,
  downStatus: 503,
  passesBody: true,
});

import { caddy } from "../harness/gateway-programs.ts";
import { promisesOfGateway } from "../harness/gateway-promises.ts";

promisesOfGateway({
  start: (scene) => caddy.start(scene),
  routeFrom: "x-forwarded-uri",
  blindStatus: 503,
  downStatus: 502,
  passesBody: true,
  isSkipped: caddy.isSkipped,
});

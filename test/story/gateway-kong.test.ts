import { kong } from "../harness/gateway-programs.ts";
import { promisesOfGateway } from "../harness/gateway-promises.ts";

promisesOfGateway({
  start: (scene) => kong.start(scene),
  routeFrom: "x-forwarded-uri",
  blindStatus: 503,
  downStatus: 503,
  passesBody: true,
  isSkipped: kong.isSkipped,
});

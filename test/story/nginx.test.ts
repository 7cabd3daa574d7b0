import { nginx } from "../harness/gateway-programs.ts";
import { promisesOfGateway } from "../harness/gateway-promises.ts";

promisesOfGateway({
  start: (scene) => nginx.start(scene),
  routeFrom: "x-original-uri",
  blindStatus: 403,
  downStatus: 500,
  passesBody: false,
  isSkipped: nginx.isSkipped,
});

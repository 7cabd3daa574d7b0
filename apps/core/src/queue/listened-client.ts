// oxlint-disable-next-line no-restricted-imports -- BullMQ speaks PostgreSQL itself, and this is the client it speaks with.
import { Client, type ClientConfig } from "pg";

const ignore = (): void => undefined;

/**
 * A connection whose end is heard at all times. A pool listens only while a connection is idle, and BullMQ
 * neither to one that it uses, nor to one for notifications before it is made or once it is to be closed:
 * a server that went away in that moment would take the process with it. What was being asked fails all
 * the same, and is reported there.
 */
export class ListenedClient extends Client {
  constructor(config?: string | ClientConfig) {
    super(config);
    this.on("error", ignore);
  }

  override removeAllListeners(event?: string | symbol): this {
    return super.removeAllListeners(event).on("error", ignore) as this;
  }
}
